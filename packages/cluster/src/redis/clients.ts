import { ClusterError } from "../core/errors.ts";

/** One connection to Redis, until it ends. */
export interface RedisConnection {
  /** Sends a command. Text in the reply is a Buffer. */
  send(args: readonly (string | Buffer)[]): Promise<unknown>;
  /** Resolves when the subscription is confirmed. */
  subscribe(channel: string, onMessage: (body: Buffer) => void): Promise<void>;
  unsubscribe(channel: string): void;
}

/** An attempt to connect, and the connection that comes of it. */
export interface OpenedConnection {
  readonly connection: Promise<RedisConnection>;
  /** Gives the attempt up, or closes the connection. */
  end(): void;
}

/** Opens a connection. `onEnd` is called once if it ends after that, and maybe before. */
export type OpenConnection = (onEnd: (error: Error) => void) => OpenedConnection;

/** A client of the program, as the port uses it. */
export interface RedisSource {
  readonly open: OpenConnection;
  /** Distinguishes the keys of programs that share a Redis. */
  readonly prefix: string;
}

/** A client of Redis or Valkey: ioredis 5.9, iovalkey, or node-redis 4.7 (the package `redis`), and later ones. */
export interface RedisClient {
  duplicate(...args: never[]): unknown;
}

/** An ioredis or iovalkey client. */
interface IoRedis {
  readonly options?: { readonly keyPrefix?: unknown; readonly db?: unknown };
  readonly stream?: { cork(): void; uncork(): void };
  duplicate(options: object): IoRedis;
  connect(): Promise<unknown>;
  disconnect(): void;
  callBuffer(...args: readonly (string | Buffer)[]): Promise<unknown>;
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  on(event: string, listener: (...args: never[]) => void): unknown;
}

/** A client of the package `redis`. */
interface NodeRedis {
  readonly options?: { readonly database?: unknown; readonly socket?: object };
  readonly isReady: boolean;
  duplicate(options: object): NodeRedis;
  connect(): Promise<unknown>;
  /** Missing before version 5. */
  destroy?(): void;
  disconnect(): Promise<unknown>;
  sendCommand(args: readonly (string | Buffer)[], options: object): Promise<unknown>;
  subscribe(channel: string, listener: (body: Buffer) => void, isBufferMode: true): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  on(event: string, listener: (...args: never[]) => void): unknown;
}

const ENDED = "the connection to Redis has closed";
const suppress = (): void => undefined;

/**
 * Returns how to open connections as a client has. Clients are distinguished by their methods, so that neither package
 * is imported.
 *
 * @throws ClusterError `REDIS_CLIENT_INVALID`
 */
export function sourceOf(client: unknown): RedisSource {
  if (isIoRedis(client)) return ofIoRedis(client);
  if (isNodeRedis(client)) return ofNodeRedis(client);
  throw new ClusterError("REDIS_CLIENT_INVALID", isOfCluster(client) ? OF_CLUSTER : undefined);
}

const OF_CLUSTER = "a client of a Redis Cluster can't be used; pass one of a single Redis";

const isOfCluster = (client: unknown): boolean =>
  isMembers(client) && (client["isCluster"] === true || "slots" in client);

type Members = Readonly<Record<string, unknown>>;

const hasMethods = (client: Members, ...names: readonly string[]): boolean =>
  names.every((name) => typeof client[name] === "function");

/** Its clients of a Redis Cluster say what they are. */
function isIoRedis(client: unknown): client is IoRedis {
  return isMembers(client) && hasMethods(client, "callBuffer", "duplicate") && client["isCluster"] !== true;
}

/** Its clients of a Redis Cluster have the same methods, and slots. */
function isNodeRedis(client: unknown): client is NodeRedis {
  return isMembers(client) && hasMethods(client, "sSubscribe", "sendCommand", "duplicate") && !("slots" in client);
}

function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null;
}

/** Redis has the same channels in all databases, and no prefixes for them. */
function prefixOf(keyPrefix: unknown, database: unknown): string {
  const begin = typeof keyPrefix === "string" ? keyPrefix : "";
  return Number(database) > 0 ? `${begin}${Number(database)}/` : begin;
}

// ---- ioredis -------------------------------------------------------------------------------------------------------

/** The port connects again itself, names its keys itself, and wants errors instead of queues. */
const IOREDIS_OPTIONS = {
  lazyConnect: true,
  keyPrefix: "",
  retryStrategy: null,
  sentinelRetryStrategy: null,
  reconnectOnError: null,
  maxRetriesPerRequest: null,
  enableOfflineQueue: false,
  enableAutoPipelining: false,
  autoResubscribe: false,
  autoResendUnfulfilledCommands: false,
  readOnly: false,
  monitor: false,
};

function ofIoRedis(given: IoRedis): RedisSource {
  const open: OpenConnection = (onEnd) => {
    const client = given.duplicate(IOREDIS_OPTIONS);
    const end = onceEnded(onEnd);
    client.on("error", (error: Error) => end.note(error));
    client.on("end", () => end.report());
    const connection = client.connect().then(() => new IoRedisConnection(client));
    return { connection, end: () => client.disconnect() };
  };
  return { open, prefix: prefixOf(given.options?.keyPrefix, given.options?.db) };
}

class IoRedisConnection implements RedisConnection {
  readonly #client: IoRedis;
  readonly #channels = new Map<string, (body: Buffer) => void>();
  #isCorked = false;

  constructor(client: IoRedis) {
    this.#client = client;
    client.on("messageBuffer", (channel: Buffer, body: Buffer) => this.#channels.get(channel.toString())?.(body));
  }

  send(args: readonly (string | Buffer)[]): Promise<unknown> {
    this.#cork();
    return this.#client.callBuffer(...args);
  }

  /** The commands of a turn leave in one write. */
  #cork(): void {
    const { stream } = this.#client;
    if (this.#isCorked || stream === undefined) return;
    this.#isCorked = true;
    stream.cork();
    queueMicrotask(() => {
      this.#isCorked = false;
      stream.uncork();
    });
  }

  async subscribe(channel: string, onMessage: (body: Buffer) => void): Promise<void> {
    this.#channels.set(channel, onMessage);
    await this.#client.subscribe(channel);
  }

  unsubscribe(channel: string): void {
    this.#channels.delete(channel);
    this.#client.unsubscribe(channel).catch(suppress);
  }
}

// ---- node-redis ----------------------------------------------------------------------------------------------------

/** Version 4 reads the first name, later ones the second: 36 is "$", the type of text in replies. */
const AS_BUFFERS = { returnBuffers: true, typeMapping: { 36: Buffer } };

function ofNodeRedis(given: NodeRedis): RedisSource {
  const options = given.options ?? {};
  const open: OpenConnection = (onEnd) => {
    const client = given.duplicate({
      disableOfflineQueue: true,
      legacyMode: false,
      readonly: false,
      commandOptions: undefined,
      commandsQueueMaxLength: undefined,
      clientSideCache: undefined,
      // Else the client may change its connection without a report.
      maintNotifications: "disabled",
      socket: { ...options.socket, reconnectStrategy: false },
    });
    const end = onceEnded(onEnd);
    client.on("error", (error: Error) => {
      end.note(error);
      if (!client.isReady) end.report();
    });
    client.on("end", () => end.report());
    const connection = client.connect().then(() => new NodeRedisConnection(client));
    return { connection, end: () => endNodeRedis(client) };
  };
  return { open, prefix: prefixOf(undefined, options.database) };
}

class NodeRedisConnection implements RedisConnection {
  readonly #client: NodeRedis;
  /** Channels that are being left. A subscription meanwhile would be taken for the former one, and end with it. */
  readonly #leaving = new Map<string, Promise<unknown>>();

  constructor(client: NodeRedis) {
    this.#client = client;
  }

  send(args: readonly (string | Buffer)[]): Promise<unknown> {
    return this.#client.sendCommand(args, AS_BUFFERS);
  }

  async subscribe(channel: string, onMessage: (body: Buffer) => void): Promise<void> {
    await this.#leaving.get(channel);
    await this.#client.subscribe(channel, onMessage, true);
  }

  unsubscribe(channel: string): void {
    const left = this.#client.unsubscribe(channel).catch(suppress);
    this.#leaving.set(channel, left);
    void left.then(() => this.#leaving.get(channel) === left && this.#leaving.delete(channel));
  }
}

function endNodeRedis(client: NodeRedis): void {
  // Throws if it has ended by itself.
  try {
    if (client.destroy === undefined) client.disconnect().catch(suppress);
    else client.destroy();
  } catch {
    // There is nothing left to end.
  }
}

/** Reports the end of a connection once, with the last error. */
function onceEnded(onEnd: (error: Error) => void): { note(error: Error): void; report(): void } {
  let last: Error = new ClusterError("REDIS_UNAVAILABLE", ENDED);
  let report = (): void => {
    report = suppress;
    onEnd(last);
  };
  return { note: (error) => (last = error), report: () => report() };
}
