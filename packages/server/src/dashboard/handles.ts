import { HANDLE_LENGTH, sessionHandle } from "../base/handles.ts";

export { HANDLE_LENGTH };

/** Handles that can be traced back to their id: the last ones shown. */
const MOST_KNOWN = 4096;

/** Names sessions and sockets for pages, and remembers the names. */
export class Handles {
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
    return sessionHandle(id);
  }

  /** Returns the id behind a handle; undefined if it was not shown recently. */
  idOf(handle: string): string | undefined {
    return this.#idOf.get(handle);
  }
}
