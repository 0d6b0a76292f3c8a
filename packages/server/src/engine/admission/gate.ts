import type { IncomingMessage } from "node:http";
import { type Clock, LONGEST_DELAY } from "../../base/clock.ts";
import { callProgram, type OnFailure, watch } from "../../base/guarded.ts";
import { bounded } from "../../base/numbers.ts";
import { TokenBucket } from "../../base/token-bucket.ts";
import { ERROR_CODES, ERROR_MESSAGES, type Refusal, type RefusalName, REFUSALS, refuse } from "../report/refusals.ts";
import { UsageError } from "../usage-errors.ts";

/** What lets sessions in, and how many. */
export interface GateOptions {
  /**
   * Open sessions of this engine, and WebSockets that have yet to answer the end of theirs. Default: no limit. Beyond: 503
   * and `Retry-After`.
   */
  maxConnections?: number;
  /** Open sessions from one address, which is that of the proxy where there is one. Default: no limit. */
  maxConnectionsPerAddress?: number;
  /** Open sessions of one user, as {@link userOf} tells them apart. Default: no limit. */
  maxConnectionsPerUser?: number;
  /**
   * Whose a new session is, for {@link maxConnectionsPerUser}; undefined: nobody's, and it does not count. Called once for
   * each handshake, after the middlewares of `engine.use()` and `allowRequest`, so that it sees what they have found out.
   * If it throws, or gives anything else than a string, the handshake is refused with 403, and `handler_error` tells why.
   *
   * @example
   * const io = new Server(3000, { maxConnectionsPerUser: 5, userOf: (req) => req.headers["x-forwarded-for"] as string });
   */
  userOf?: (req: IncomingMessage) => string | undefined;
  /** New sessions per second; as many may come at once. Default: no limit. */
  maxHandshakesPerSecond?: number;
  /** When clients that were turned away for a limit are asked to come back, in milliseconds. Default 5000. */
  retryAfter?: number;
}

const DEFAULT_RETRY_AFTER = 5000;

/** Clients wait by a timer, which takes no more. */
const MAX_RETRY_AFTER = LONGEST_DELAY;

/** A session, as the gate knows it. */
interface AdmittedGuest {
  readonly remoteAddress: string;
}

/** Where new sessions come in: it may be full, or closed. */
export class Gate {
  readonly #options: GateOptions;
  readonly #clock: Clock;
  readonly #guests: () => Iterable<AdmittedGuest>;
  /** What counts is made when its option is first met: programs may set it later. */
  #bucket: { readonly rate: number; readonly tokens: TokenBucket } | undefined;
  #byAddress: Map<string, number> | undefined;
  #byUser: Map<string, number> | undefined;
  /** The users of handshakes, and then of sessions. */
  readonly #users: WeakMap<object, string> = new WeakMap();
  #state: "open" | "closed" = "open";

  /** @throws UsageError `USER_OF_INVALID` for a limit of users without a way to tell them apart */
  constructor(options: GateOptions, clock: Clock, guests: () => Iterable<AdmittedGuest> = () => []) {
    this.#options = options;
    this.#clock = clock;
    this.#guests = guests;
    const { maxConnectionsPerUser, userOf } = options;
    if (maxConnectionsPerUser !== undefined && typeof userOf !== "function") throw new UsageError("USER_OF_INVALID");
  }

  /** When clients that are turned away, or moved away, are asked to come back, in milliseconds. */
  get retryAfter(): number {
    return bounded(this.#options.retryAfter, 0, MAX_RETRY_AFTER, DEFAULT_RETRY_AFTER);
  }

  /** How many addresses and users it counts the sessions of. */
  get size(): number {
    return (this.#byAddress?.size ?? 0) + (this.#byUser?.size ?? 0);
  }

  /** Lets nobody in any more. */
  close(): void {
    this.#state = "closed";
  }

  open(): void {
    this.#state = "open";
  }

  /** Why a new session can't be let in now. */
  check(req: IncomingMessage, open: number): Refusal | undefined {
    const refusal = this.recheck(req, open);
    const { maxHandshakesPerSecond: limit } = this.#options;
    if (refusal || limit === undefined || this.#tokens(limit).take()) return refusal;
    return this.#refuse("TOO_MANY_HANDSHAKES", { limit });
  }

  #tokens(rate: number): TokenBucket {
    if (this.#bucket?.rate !== rate)
      this.#bucket = { rate, tokens: new TokenBucket(this.#clock, rate, Math.max(1, rate)) };
    return this.#bucket.tokens;
  }

  /** The same for a handshake that had to wait: others may have come in meanwhile. */
  recheck(req: IncomingMessage, open: number): Refusal | undefined {
    const { maxConnections = Infinity, maxConnectionsPerAddress = Infinity } = this.#options;
    if (maxConnectionsPerAddress < Infinity) this.#countAddresses();
    if (this.#state === "closed") return this.#refuse("SERVER_DRAINING", {});
    if (open >= maxConnections)
      return this.#refuse("TOO_MANY_CONNECTIONS", { limit: maxConnections, actual: open + 1 });
    const address = req.socket?.remoteAddress ?? "";
    const here = this.#byAddress?.get(address) ?? 0;
    if (here >= maxConnectionsPerAddress) {
      const details = { limit: maxConnectionsPerAddress, actual: here + 1, address };
      return this.#refuse("TOO_MANY_CONNECTIONS_FROM_ADDRESS", details);
    }
    return this.#checkUser(req);
  }

  #countAddresses(): void {
    if (this.#byAddress) return;
    this.#byAddress = new Map();
    for (const { remoteAddress } of this.#guests()) addCount(this.#byAddress, remoteAddress, 1);
  }

  /** Asks whose a handshake is, once everybody else has been asked. */
  identify(req: IncomingMessage, onFailure: OnFailure): Refusal | undefined {
    const { userOf, maxConnectionsPerUser } = this.#options;
    if (maxConnectionsPerUser === undefined || userOf === undefined) return undefined;
    this.#byUser ??= new Map();
    let refusal: Refusal | undefined;
    const user = callProgram(
      () => nameOf(userOf(req)),
      [],
      (error, how) => {
        onFailure(error, how);
        refusal = refuse(ERROR_CODES.FORBIDDEN, { message: ERROR_MESSAGES[ERROR_CODES.FORBIDDEN], error });
      },
    );
    if (user === undefined) return refusal;
    this.#users.set(req, user);
    return this.#checkUser(req);
  }

  #checkUser(req: IncomingMessage): Refusal | undefined {
    const { maxConnectionsPerUser: limit = Infinity } = this.#options;
    const user = this.#users.get(req);
    if (user === undefined) return undefined;
    const actual = (this.#byUser?.get(user) ?? 0) + 1;
    return actual > limit ? this.#refuse("TOO_MANY_CONNECTIONS_OF_USER", { limit, actual, user }) : undefined;
  }

  #refuse(name: RefusalName, details: Record<string, unknown>): Refusal {
    return { code: REFUSALS[name].code, context: { name, ...details }, retryAfter: this.retryAfter };
  }

  add(session: AdmittedGuest, req: IncomingMessage): void {
    addCount(this.#byAddress, session.remoteAddress, 1);
    const user = this.#users.get(req);
    if (user === undefined) return;
    this.#users.set(session, user);
    addCount(this.#byUser, user, 1);
  }

  remove(session: AdmittedGuest): void {
    addCount(this.#byAddress, session.remoteAddress, -1);
    const user = this.#users.get(session);
    if (user !== undefined) addCount(this.#byUser, user, -1);
  }
}

/** The name of a user, as `userOf` has returned it. */
function nameOf(user: unknown): string | undefined {
  if (user === undefined || typeof user === "string") return user;
  // An async function is a mistake whatever becomes of it: what it rejects with must not end the process.
  watch(user, () => undefined);
  throw new UsageError("USER_OF_INVALID", "userOf must give a string, or undefined");
}

/** Counts up or down; what is at zero goes. */
function addCount(counts: Map<string, number> | undefined, key: string, step: 1 | -1): void {
  if (counts === undefined) return;
  const count = (counts.get(key) ?? 0) + step;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
