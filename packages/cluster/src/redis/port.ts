/*
 * Redis and Valkey: how the interfaces of the cluster are made of their commands.
 * Knows: commands, scripts and channels of Redis, by a client that the program has created.
 * Must not know: HTTP, sessions, rooms, and what the bytes mean that it stores and carries.
 *
 * A port has two connections: one for commands, one for subscriptions. Each is a duplicate of the program's client, and lasts for
 * one connection: the port connects again itself, with a new duplicate. So the client library never repeats a command, queues
 * one, or subscribes again without the knowledge of the port.
 */

/** What commands and scripts take. */
export type RedisValue = string | number | Buffer;

/** The two connections of a port. */
export type RedisPart = "commands" | "subscriptions";

/** A Lua script. Create one per program, by `redisScript()`. */
export interface RedisScript {
  readonly source: string;
  /** Its SHA-1, as EVALSHA takes it. */
  readonly sha: string;
}

/** Hears when a connection breaks, and when the next one is ready. */
export interface RedisObserver {
  /** The connection has closed. Commands under way were rejected; messages of channels are missing. */
  onInterrupted?(part: RedisPart, error: Error): void;
  /** The first or a later connection is ready; all subscriptions are confirmed. */
  onRestored?(part: RedisPart): void;
}

/** Commands, scripts and channels of one Redis. */
export interface RedisPort {
  /** Begin the names of all keys and channels with it: the client's `keyPrefix` and number of database. */
  readonly prefix: string;
  isUp(part: RedisPart): boolean;
  /**
   * Runs a script. Text in replies is a Buffer. Rejects if the connection is not there, or breaks before the reply: the script
   * may have run then.
   *
   * @throws (rejects) ClusterError `REDIS_UNAVAILABLE`, or the error of Redis
   */
  eval(script: RedisScript, keys: readonly string[], args: readonly RedisValue[]): Promise<unknown>;
  /** Runs a command; see `eval`. */
  command(name: string, ...args: RedisValue[]): Promise<unknown>;
  /**
   * Subscribes to a channel, on this and on all later connections. A channel has one subscriber. Resolves when Redis has
   * confirmed the first subscription.
   *
   * @throws (rejects) ClusterError `CLUSTER_CLOSED`; `REDIS_REFUSED`, and the channel has no subscriber then
   */
  subscribe(channel: string, onMessage: (body: Buffer) => void): Promise<void>;
  unsubscribe(channel: string): void;
  /** Returns a function that removes the observer. */
  observe(observer: RedisObserver): () => void;
  /** Ends both connections. Commands under way are rejected. */
  close(): void;
}
