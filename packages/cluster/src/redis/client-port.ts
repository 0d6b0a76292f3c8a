import type { Clock } from "@portage/server/relay";
import { ClusterError } from "../core/errors.ts";
import { type OpenConnection, sourceOf } from "./clients.ts";
import { isRefusal, rightsError } from "./refusal.ts";
import type { RedisObserver, RedisPart, RedisPort, RedisScript, RedisValue } from "./port.ts";
import { Reconnector } from "./reconnector.ts";

/** The scripts that Redis has loaded, as far as one connection knows. */
type Loaded = Set<RedisScript>;

/** The port over the client of a program. */
export class ClientPort implements RedisPort {
  readonly prefix: string;
  readonly #observers = new Set<RedisObserver>();
  readonly #commands: Reconnector;
  readonly #subscriptions: Reconnector;
  readonly #channels = new Map<string, Subscription>();
  #loaded: Loaded = new Set();

  /** Connects at once. @throws ClusterError `REDIS_CLIENT_INVALID` */
  constructor(client: unknown, clock: Clock) {
    const { open, prefix } = sourceOf(client);
    this.prefix = prefix;
    this.#commands = this.#connect("commands", open, clock);
    this.#subscriptions = this.#connect("subscriptions", open, clock);
  }

  #connect(part: RedisPart, open: OpenConnection, clock: Clock): Reconnector {
    return new Reconnector(open, clock, {
      prepare: () => (part === "commands" ? this.#forgetScripts() : this.#subscribeAll()),
      onUp: () => this.#forEachObserver((observer) => observer.onRestored?.(part)),
      onDown: (error) => this.#forEachObserver((observer) => observer.onInterrupted?.(part, error)),
    });
  }

  isUp(part: RedisPart): boolean {
    return (part === "commands" ? this.#commands : this.#subscriptions).isUp;
  }

  observe(observer: RedisObserver): () => void {
    this.#observers.add(observer);
    return () => void this.#observers.delete(observer);
  }

  #forEachObserver(visit: (observer: RedisObserver) => void): void {
    for (const observer of this.#observers) visit(observer);
  }

  close(): void {
    this.#commands.close();
    this.#subscriptions.close();
    for (const { reject } of this.#channels.values()) reject(new ClusterError("CLUSTER_CLOSED"));
    this.#channels.clear();
  }

  // ---- commands ----------------------------------------------------------------------------------------------------

  command(name: string, ...args: RedisValue[]): Promise<unknown> {
    return this.#commands.send([name, ...args.map(toArgument)]);
  }

  async eval(script: RedisScript, keys: readonly string[], args: readonly RedisValue[]): Promise<unknown> {
    const call: (string | Buffer)[] = ["EVALSHA", script.sha, String(keys.length), ...keys];
    for (const value of args) call.push(toArgument(value));
    // Sent before the script is called: an error that counts shows up there.
    if (!this.#loaded.has(script)) {
      this.#loaded.add(script);
      this.#commands.send(["SCRIPT", "LOAD", script.source]).catch(() => this.#loaded.delete(script));
    }
    try {
      return await this.#commands.send(call);
    } catch (error) {
      // Something else has removed all scripts.
      if (!String(error).includes("NOSCRIPT")) throw error;
      return await this.#commands.send(["EVAL", script.source, ...call.slice(2)]);
    }
  }

  #forgetScripts(): Promise<void> {
    this.#loaded = new Set();
    return Promise.resolve();
  }

  // ---- channels ----------------------------------------------------------------------------------------------------

  subscribe(channel: string, onMessage: (body: Buffer) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const subscription: Subscription = { onMessage, resolve, reject, phase: "new" };
      this.#channels.set(channel, subscription);
      // Without a connection, or if it breaks now, the next one subscribes.
      if (this.#subscriptions.connection !== undefined) this.#confirm(channel, subscription).catch(() => undefined);
    });
  }

  unsubscribe(channel: string): void {
    if (this.#channels.delete(channel)) this.#subscriptions.connection?.unsubscribe(channel);
  }

  async #confirm(channel: string, subscription: Subscription): Promise<void> {
    const { onMessage, resolve } = subscription;
    try {
      await this.#subscriptions.connection?.subscribe(channel, (body) => {
        this.#subscriptions.noteLife();
        onMessage(body);
      });
    } catch (error) {
      // If Redis allowed the channel before, this is an outage.
      if (!isRefusal(error) || subscription.phase === "confirmed") throw error;
      if (this.#channels.get(channel) === subscription) this.#channels.delete(channel);
      return subscription.reject(rightsError(error));
    }
    subscription.phase = "confirmed";
    resolve();
  }

  async #subscribeAll(): Promise<void> {
    await Promise.all(Array.from(this.#channels, ([channel, subscription]) => this.#confirm(channel, subscription)));
  }
}

interface Subscription {
  readonly onMessage: (body: Buffer) => void;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  /** `new`: Redis has not confirmed it yet. */
  phase: "new" | "confirmed";
}

const toArgument = (value: RedisValue): string | Buffer => (typeof value === "number" ? String(value) : value);
