import { MAX_TAGS_OF_WORKER } from "./limits.ts";

/** Which worker has which tag: what the primary knows of the cluster. Workers join with their tags, and leave with all. */
export class TagTable {
  readonly #owners = new Map<string, number>();
  readonly #tags = new Map<number, Set<string>>();

  /** Notes the tag of a worker. The latest one counts, because a tag is new for each node. Beyond 64 tags, ignores it. */
  join(tag: string, worker: number): void {
    const tags = this.#tags.get(worker) ?? new Set();
    if (tags.size >= MAX_TAGS_OF_WORKER) return;
    const before = this.#owners.get(tag);
    if (before !== undefined) this.#tags.get(before)?.delete(tag);
    this.#tags.set(worker, tags.add(tag));
    this.#owners.set(tag, worker);
  }

  /** Removes a tag, if it is still the worker's. */
  part(tag: string, worker: number): void {
    if (this.#owners.get(tag) !== worker) return;
    this.#owners.delete(tag);
    this.#tags.get(worker)?.delete(tag);
  }

  /** Removes all tags of a worker that has ended. */
  remove(worker: number): void {
    for (const tag of this.#tags.get(worker) ?? []) this.#owners.delete(tag);
    this.#tags.delete(worker);
  }

  /** Returns the id of the worker that has a tag. */
  owner(tag: string): number | undefined {
    return this.#owners.get(tag);
  }

  get size(): number {
    return this.#owners.size;
  }
}
