/** Closed sockets that are watched at a time: all as long as they are few, else one in so many. */
const WATCHED = 128;
const FEW = 64;
const ONE_IN = 64;
/** Sockets that a collection decides about. */
const UNDECIDED = 8;
/** So many seconds after the end of a socket, only the program can keep it. */
const KEPT_PATIENCE = 8;
/** The same for sockets that timers may hold: many programs wait half a minute for the return of a client. */
const TIMER_PATIENCE = 31;
/** Seconds after which a socket is no longer watched. */
const MEMORY = 300;

interface Closed {
  readonly at: number;
  state: "open question" | "collected" | "kept";
}

/** How many timers keep this process running; too many if the runtime does not say it. */
export function countTimers(): number {
  const resources = (process as { getActiveResourcesInfo?(): string[] }).getActiveResourcesInfo?.();
  return resources?.filter((name) => name === "Timeout").length ?? Infinity;
}

/** Finds out whether closed sockets are kept: whether they outlive a collection of the old generation. */
export class KeptSockets {
  readonly #countTimers: () => number;
  #closed: Closed[] = [];
  #count = 0;
  #collectedAt = -Infinity;
  /** Whether the last collection has been looked at. */
  #collection: "new" | "old" = "old";
  readonly #registry = new FinalizationRegistry<Closed>((closed) => {
    closed.state = "collected";
  });

  /** @param timers returns how many timers run: each may hold a socket */
  constructor(timers: () => number = countTimers) {
    this.#countTimers = timers;
  }

  /** A socket has left, at `now` in seconds. */
  left(socket: object, now: number): void {
    this.#count += 1;
    if (this.#closed.length >= WATCHED || (this.#closed.length >= FEW && this.#count % ONE_IN !== 0)) return;
    const closed: Closed = { at: now, state: "open question" };
    this.#closed.push(closed);
    this.#registry.register(socket, closed);
  }

  /** The old generation was collected, at `now` in seconds. */
  collected(now: number): void {
    this.#collectedAt = now;
    this.#collection = "new";
  }

  /** A second is over. The registry has heard by now what the last collection has freed. */
  turn(now: number): void {
    this.#closed = this.#closed.filter(({ at }) => now - at < MEMORY);
    if (this.#collection === "old" || now - this.#collectedAt < 1) return;
    this.#collection = "old";
    for (const closed of this.#outliving(this.#collectedAt)) closed.state = "kept";
  }

  /** Whether there are many that a collection would decide about, at `now` in seconds. */
  isUndecided(now: number): boolean {
    return this.#olderThan(KEPT_PATIENCE, now).length >= UNDECIDED && this.#outliving(now).length >= UNDECIDED;
  }

  #olderThan(seconds: number, now: number): Closed[] {
    return this.#closed.filter(({ at, state }) => state === "open question" && now - at >= seconds);
  }

  /** The sockets that only the program keeps, and not a timer, if a collection at `now` does not free them. */
  #outliving(now: number): Closed[] {
    const old = this.#olderThan(KEPT_PATIENCE, now);
    return old.length === 0 || old.length > this.#countTimers() ? old : this.#olderThan(TIMER_PATIENCE, now);
  }

  /** Returns how many closed sockets have met a collection, and how many of them are alive. */
  report(): { readonly watched: number; readonly alive: number } {
    const alive = this.#closed.filter(({ state }) => state === "kept").length;
    return { watched: this.#closed.filter(({ state }) => state !== "open question").length, alive };
  }
}
