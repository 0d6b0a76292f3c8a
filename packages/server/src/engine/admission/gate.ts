import type { IncomingMessage } from "node:http";
import { type Clock, LONGEST_TIMEOUT } from "../../base/clock.ts";
import { callProgram, type OnFailure, onRejection } from "../../base/guarded.ts";
import { bounded } from "../../base/numbers.ts";
import { TokenBucket } from "../../base/token-bucket.ts";
import {
  ERROR_CODES,
  ERROR_MESSAGES,
  type Refusal,
  type RefusalName,
  REFUSALS,
  createRefusal,
} from "../report/refusals.ts";
import { UsageError } from "../usage-errors.ts";

/** Limits for new sessions. */
export interface GateOptions {
  /**
   * Most open sessions of this engine, including WebSockets still in the closing handshake. More are refused with 503 and
   * `Retry-After`. Default: no limit.
   */
  maxConnections?: number;
  /** Most open sessions per address. Behind a proxy, the address is the proxy's. Default: no limit. */
  maxConnectionsPerAddress?: number;
  /** Most open sessions per user; needs {@link userOf}. Default: no limit. */
  maxConnectionsPerUser?: number;
  /**
   * Returns the user that owns a new session, for {@link maxConnectionsPerUser}. Return `undefined` to exempt the session.
   * Called once per handshake, after the middlewares of `engine.use()` and `allowRequest`, so it can use their results.
   * If it throws or returns anything else, the handshake is refused with 403, and `handler_error` reports the error.
   * Default: none.
   *
   * @example
   * const io = new Server(3000, { maxConnectionsPerUser: 5, userOf: (req) => req.headers["x-forwarded-for"] as string });
   */
  userOf?: (req: IncomingMessage) => string | undefined;
  /** Most new sessions per second; as many may arrive at once. Default: no limit. */
  maxHandshakesPerSecond?: number;
  /** Reconnection delay sent to clients that were refused because of a limit, in milliseconds. Default 5000. */
  retryAfter?: number;
}

const DEFAULT_RETRY_AFTER = 5000;

/** The longest delay of the client's timer. */
const MAX_RETRY_AFTER = LONGEST_TIMEOUT;

/** The part of a session that the gate reads. */
interface AdmittedGuest {
  readonly remoteAddress: string;
}

/** A session whose client may return. */
interface AdriftGuest {
  readonly session: AdmittedGuest;
  /** Ends the session. */
  expire(): void;
}

/** Admits new sessions, within limits and while it is open. */
export class Gate {
  readonly #options: GateOptions;
  readonly #clock: Clock;
  readonly #guests: () => Iterable<AdmittedGuest>;
  /** The oldest first. */
  readonly #adrift: ReadonlySet<AdriftGuest>;
  /** Counters are created when their option is first seen, because programs may set options later. */
  #bucket: { readonly rate: number; readonly tokens: TokenBucket } | undefined;
  #byAddress: Map<string, number> | undefined;
  #byUser: Map<string, number> | undefined;
  /** Users by request, then by session. */
  readonly #users: WeakMap<object, string> = new WeakMap();
  #state: "open" | "closed" = "open";

  /** @throws UsageError `USER_OF_INVALID` if `maxConnectionsPerUser` is set without `userOf` */
  constructor(
    options: GateOptions,
    clock: Clock,
    guests: () => Iterable<AdmittedGuest> = () => [],
    adrift: ReadonlySet<AdriftGuest> = new Set(),
  ) {
    this.#options = options;
    this.#clock = clock;
    this.#guests = guests;
    this.#adrift = adrift;
    const { maxConnectionsPerUser, userOf } = options;
    if (maxConnectionsPerUser !== undefined && typeof userOf !== "function") throw new UsageError("USER_OF_INVALID");
  }

  /** Reconnection delay for refused or drained clients, in milliseconds. */
  get retryAfter(): number {
    return bounded(this.#options.retryAfter, 0, MAX_RETRY_AFTER, DEFAULT_RETRY_AFTER);
  }

  /** Number of counted addresses and users. */
  get size(): number {
    return (this.#byAddress?.size ?? 0) + (this.#byUser?.size ?? 0);
  }

  /** Whether new sessions are not refused. */
  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Refuses all new sessions from now on. */
  close(): void {
    this.#state = "closed";
  }

  open(): void {
    this.#state = "open";
  }

  /** Checks a new handshake. Returns undefined if it may pass. */
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

  /** Checks a handshake again after asynchronous steps, during which other sessions may have opened. */
  recheck(req: IncomingMessage, open: number): Refusal | undefined {
    const { maxConnections = Infinity, maxConnectionsPerAddress = Infinity } = this.#options;
    if (maxConnectionsPerAddress < Infinity) this.#countAddresses();
    if (this.#state === "closed") return this.#refuse("SERVER_DRAINING", {});
    if (open >= maxConnections && !this.#makeRoom(open + 1 - maxConnections))
      return this.#refuse("TOO_MANY_CONNECTIONS", { limit: maxConnections, actual: open + 1 });
    const address = req.socket?.remoteAddress ?? "";
    const here = this.#byAddress?.get(address) ?? 0;
    const isFrom = ({ remoteAddress }: AdmittedGuest): boolean => remoteAddress === address;
    if (here >= maxConnectionsPerAddress && !this.#makeRoom(here + 1 - maxConnectionsPerAddress, isFrom)) {
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

  /** Determines the user of a handshake, after all other checks. */
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
        refusal = createRefusal(ERROR_CODES.FORBIDDEN, { message: ERROR_MESSAGES[ERROR_CODES.FORBIDDEN], error });
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
    if (actual <= limit || this.#makeRoom(actual - limit, (session) => this.#users.get(session) === user))
      return undefined;
    return this.#refuse("TOO_MANY_CONNECTIONS_OF_USER", { limit, actual, user });
  }

  /** Ends sessions without a transport: a client that is here goes before one that may return. */
  #makeRoom(places: number, isEligible: (session: AdmittedGuest) => boolean = () => true): boolean {
    const eligible = [...this.#adrift].filter(({ session }) => isEligible(session)).slice(0, places);
    if (eligible.length < places) return false;
    for (const guest of eligible) guest.expire();
    return true;
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

/** Checks the return value of `userOf`. */
function nameOf(user: unknown): string | undefined {
  if (user === undefined || typeof user === "string") return user;
  // `userOf` must not be async, but its rejection must not end the process either.
  onRejection(user, () => undefined);
  throw new UsageError("USER_OF_INVALID", "userOf must return a string or undefined");
}

/** Counts up or down; deletes a counter at zero. */
function addCount(counts: Map<string, number> | undefined, key: string, step: 1 | -1): void {
  if (counts === undefined) return;
  const count = (counts.get(key) ?? 0) + step;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
