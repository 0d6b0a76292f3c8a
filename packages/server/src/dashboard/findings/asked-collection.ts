import { getHeapStatistics } from "node:v8";
import { findIncrementalMarking, type StartCollection } from "./incremental-marking.ts";

/** Seconds between two collections that are asked for, and after one that came by itself. */
const ASK_AGAIN = 60;
const RECENTLY = 20;
/** In a larger heap the last step of a collection takes too long. V8 collects there by itself. */
const MOST_COLLECTED = 100e6;

/** A suspicion that the program keeps something: only a collection can confirm it. */
export type Suspicion = "heap" | "closed sockets";

/**
 * Asks for a collection of the old generation. A small server has none for many minutes, and without one, garbage and what the
 * program keeps look the same.
 */
export class AskedCollection {
  readonly #askedAt = new Map<Suspicion, number>();
  readonly #find: () => StartCollection | undefined;
  readonly #bytes: () => number;
  #start: StartCollection | undefined;
  #lastAt = -Infinity;

  /** @param find returns what starts a collection in this runtime, if there is such. @param bytes returns the bytes in use */
  constructor(find = findIncrementalMarking, bytes = () => getHeapStatistics().used_heap_size) {
    this.#find = find;
    this.#bytes = bytes;
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
    this.#start ??= this.#find() ?? (() => undefined);
    // Finding and starting take 1 or 2 ms each: the loop serves clients in between.
    setImmediate(this.#start);
  }
}
