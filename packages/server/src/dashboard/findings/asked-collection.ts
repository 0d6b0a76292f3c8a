import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Seconds between two collections that are asked for, and after one that came by itself. */
const ASK_AGAIN = 60;
const RECENTLY = 20;
/** A larger heap takes too long at a time: about 0.4 ms a megabyte. */
const MOST_COLLECTED = 100e6;

/** A suspicion that the program keeps something: only a collection can confirm it. */
export type Suspicion = "heap" | "closed sockets";

type Collect = (options: { readonly type: "major"; readonly execution: "async" }) => unknown;

/** Returns the function that collects garbage; undefined where the runtime has none to give. */
function findCollect(): Collect | undefined {
  try {
    setFlagsFromString("--expose-gc");
    const found: unknown = runInNewContext("gc");
    setFlagsFromString("--no-expose-gc");
    return typeof found === "function" ? (found as Collect) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Asks for a collection of the old generation. A small server has none for many minutes, and without one, garbage and what the
 * program keeps look the same.
 */
export class AskedCollection {
  readonly #askedAt = new Map<Suspicion, number>();
  readonly #bytes: () => number;
  #collect: Collect | undefined;
  #state: "unknown" | "known" = "unknown";
  #lastAt = -Infinity;

  /** @param collect replaces the collector of the runtime. @param bytes returns the bytes in use */
  constructor(collect?: Collect, bytes: () => number = () => getHeapStatistics().used_heap_size) {
    this.#bytes = bytes;
    if (collect === undefined) return;
    this.#collect = collect;
    this.#state = "known";
  }

  /** A collection has come, at `now` in seconds. */
  collected(now: number): void {
    this.#lastAt = now;
  }

  /** Asks for one at `now`, unless there was one, or it would take long. */
  ask(suspicion: Suspicion, now: number): void {
    const since = now - (this.#askedAt.get(suspicion) ?? -Infinity);
    if (since < ASK_AGAIN || now - this.#lastAt < RECENTLY || this.#bytes() > MOST_COLLECTED) return;
    this.#askedAt.set(suspicion, now);
    if (this.#state === "unknown") this.#collect = findCollect();
    this.#state = "known";
    this.#collect?.({ type: "major", execution: "async" });
  }
}
