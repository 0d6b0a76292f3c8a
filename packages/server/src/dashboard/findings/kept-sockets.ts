/** Closed sockets that are watched at a time: all as long as they are few, else one in so many. */
const WATCHED = 128;
const FEW = 64;
const ONE_IN = 64;
/** Sockets that a collection decides about. */
const UNDECIDED = 10;
/** So many seconds after the end of a socket, only the program can keep it. */
const KEPT_PATIENCE = 8;
/** Seconds after which a socket is no longer watched. */
const MEMORY = 300;

interface Closed {
  readonly at: number;
  state: "open question" | "collected" | "kept";
}

/** Finds out whether closed sockets are kept: whether they outlive a collection of the old generation. */
export class KeptSockets {
  #closed: Closed[] = [];
  #count = 0;
  #collectedAt = -Infinity;
  readonly #registry = new FinalizationRegistry<Closed>((closed) => {
    closed.state = "collected";
  });

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
  }

  /** A second is over. The registry has heard by now what the last collection has freed. */
  turn(now: number): void {
    this.#closed = this.#closed.filter(({ at }) => now - at < MEMORY);
    if (now - this.#collectedAt < 1) return;
    for (const closed of this.#closed) {
      if (closed.state === "open question" && this.#collectedAt - closed.at >= KEPT_PATIENCE) closed.state = "kept";
    }
  }

  /** Whether there are many that a collection would decide about, at `now` in seconds. */
  isUndecided(now: number): boolean {
    const isOpen = ({ at, state }: Closed): boolean => state === "open question" && now - at >= KEPT_PATIENCE;
    return this.#closed.filter(isOpen).length >= UNDECIDED;
  }

  /** Returns how many closed sockets have met a collection, and how many of them are alive. */
  report(): { readonly watched: number; readonly alive: number } {
    const alive = this.#closed.filter(({ state }) => state === "kept").length;
    return { watched: this.#closed.filter(({ state }) => state !== "open question").length, alive };
  }
}
