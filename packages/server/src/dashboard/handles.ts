import { createHmac, randomBytes } from "node:crypto";

/** Handles that can be traced back to their id: the last ones shown. */
const MOST_KNOWN = 4096;

/** Characters of a handle, of 6 bits each: 60 bits. */
export const HANDLE_LENGTH = 10;

/**
 * Names sessions and sockets for pages. An id of a session is as good as a password to it, so that pages get a keyed hash. The
 * key is made anew in each process.
 */
export class Handles {
  readonly #key = randomBytes(32);
  /** The oldest first. */
  readonly #idOf = new Map<string, string>();
  readonly #handleOf = new Map<string, string>();

  /** Returns the handle of an id, and remembers the pair. */
  of(id: string): string {
    const handle = this.#handleOf.get(id) ?? this.hash(id);
    // The newest pair becomes the last one.
    this.#forget(handle, id);
    if (this.#idOf.size >= MOST_KNOWN) this.#forgetOldest();
    this.#idOf.set(handle, id);
    this.#handleOf.set(id, handle);
    return handle;
  }

  #forgetOldest(): void {
    const [oldest] = this.#idOf;
    if (oldest !== undefined) this.#forget(...oldest);
  }

  #forget(handle: string, id: string): void {
    this.#idOf.delete(handle);
    this.#handleOf.delete(id);
  }

  /** Returns the handle of an id without remembering it. */
  hash(id: string): string {
    return createHmac("sha256", this.#key).update(id).digest("base64url").slice(0, HANDLE_LENGTH);
  }

  /** Returns the id behind a handle; undefined if it was not shown recently. */
  idOf(handle: string): string | undefined {
    return this.#idOf.get(handle);
  }
}
