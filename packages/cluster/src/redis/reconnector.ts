import type { Clock, PendingCall } from "@portage/server/relay";
import { ClusterError } from "../core/errors.ts";
import type { OpenConnection, OpenedConnection, RedisConnection } from "./clients.ts";

/** Milliseconds without a reply after which a PING is sent. */
const HEARTBEAT_INTERVAL = 2500;
/** Milliseconds by which a timer may be early. */
const EARLY = 1;
/** Milliseconds without a due reply after which a connection is given up. */
const REPLY_DEADLINE = 5000;
/** Milliseconds for one attempt to connect. */
const CONNECT_DEADLINE = 10_000;
/** Milliseconds before the first and before later attempts to connect again; each doubles the delay up to the last. */
const RETRY_DELAYS = { first: 50, last: 2000 } as const;

/** What a reconnector reports. */
export interface ReconnectorHandler {
  /** Prepares a new connection, which `connection` is already. If it rejects, the connection is given up. */
  prepare(): Promise<void>;
  onUp(): void;
  /** Called once for each outage, the first failure to connect included. */
  onDown(error: Error): void;
}

/** `opening`: there may be a connection, but it is not prepared. `waiting`: for the next attempt. */
type PortPhase = "opening" | "up" | "waiting" | "closed";

/** A connection that is replaced by a new one when it breaks, or when it does not reply. */
export class Reconnector {
  readonly #open: OpenConnection;
  readonly #clock: Clock;
  readonly #handler: ReconnectorHandler;
  #phase: PortPhase = "waiting";
  /** The attempt under way, or what came of it. */
  #opened: OpenedConnection | undefined;
  #connection: RedisConnection | undefined;
  /** Rises with each connection: what an earlier one reports is ignored. */
  #life = 0;
  #attempts = 0;
  #timer: PendingCall | undefined;
  #due = 0;
  #lastReply = 0;

  constructor(open: OpenConnection, clock: Clock, handler: ReconnectorHandler) {
    this.#open = open;
    this.#clock = clock;
    this.#handler = handler;
    void this.#start();
  }

  get isUp(): boolean {
    return this.#phase === "up";
  }

  get connection(): RedisConnection | undefined {
    return this.#connection;
  }

  /** Sends a command. @throws (rejects) ClusterError `REDIS_UNAVAILABLE`, or the error of Redis */
  send(args: readonly (string | Buffer)[]): Promise<unknown> {
    const connection = this.#connection;
    if (connection === undefined || this.#phase !== "up") return Promise.reject(new ClusterError("REDIS_UNAVAILABLE"));
    const life = this.#life;
    if (this.#due === 0) this.#lastReply = this.#clock.now();
    this.#due += 1;
    return connection.send(args).then(
      (reply) => {
        this.#noteReply(life);
        return reply;
      },
      (cause: unknown) => {
        this.#noteReply(life);
        throw life === this.#life ? cause : new ClusterError("REDIS_UNAVAILABLE", undefined, { cause });
      },
    );
  }

  #noteReply(life: number): void {
    if (life !== this.#life) return;
    this.#due -= 1;
    this.#lastReply = this.#clock.now();
  }

  /** Something has arrived that is not a reply. */
  noteLife(): void {
    this.#lastReply = this.#clock.now();
  }

  close(): void {
    this.#phase = "closed";
    this.#drop();
  }

  // ---- one connection ----------------------------------------------------------------------------------------------

  async #start(): Promise<void> {
    this.#phase = "opening";
    this.#life += 1;
    this.#due = 0;
    const life = this.#life;
    const isCurrent = (): boolean => life === this.#life;
    const fail = (error: unknown): void => {
      if (isCurrent()) this.#fail(unavailable(error));
    };
    this.#timer = this.#clock.after(CONNECT_DEADLINE, () => fail(new ClusterError("REDIS_UNAVAILABLE")));
    try {
      this.#opened = this.#open(fail);
      const connection = await this.#opened.connection;
      if (!isCurrent()) return;
      this.#connection = connection;
      await this.#handler.prepare();
      if (isCurrent()) this.#succeed();
    } catch (error) {
      fail(error);
    }
  }

  #succeed(): void {
    this.#timer?.cancel();
    this.#phase = "up";
    this.#attempts = 0;
    this.#watch();
    this.#handler.onUp();
  }

  #fail(error: Error): void {
    const isNew = this.#phase === "up" || (this.#attempts === 0 && this.#life === 1);
    this.#drop();
    this.#phase = "waiting";
    const delay = Math.min(RETRY_DELAYS.first * 2 ** this.#attempts, RETRY_DELAYS.last);
    this.#attempts += 1;
    this.#timer = this.#clock.after(delay, () => void this.#start());
    if (isNew) this.#handler.onDown(error);
  }

  #drop(): void {
    this.#timer?.cancel();
    this.#life += 1;
    this.#due = 0;
    const opened = this.#opened;
    this.#opened = this.#connection = undefined;
    opened?.end();
  }

  #watch(delay = HEARTBEAT_INTERVAL): void {
    const life = this.#life;
    this.#timer = this.#clock.after(delay, () => {
      if (life !== this.#life) return;
      const silence = this.#clock.now() - this.#lastReply;
      if (this.#due > 0) {
        if (silence >= REPLY_DEADLINE) return this.#fail(new ClusterError("REDIS_UNAVAILABLE", "Redis does not reply"));
        return this.#watch(Math.min(HEARTBEAT_INTERVAL, REPLY_DEADLINE - silence));
      }
      if (silence < HEARTBEAT_INTERVAL - EARLY) return this.#watch(HEARTBEAT_INTERVAL - silence);
      this.send(["PING"]).catch(() => undefined);
      this.#watch();
    });
  }
}

/** Returns the error of an outage. It has only the text of the client's error, which may hold the command with the password. */
function unavailable(error: unknown): ClusterError {
  if (error instanceof ClusterError) return error;
  // A host with several addresses that all refuse has a code alone.
  const { message, code = error } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  return new ClusterError("REDIS_UNAVAILABLE", `Redis can't be reached: ${message || String(code)}`);
}
