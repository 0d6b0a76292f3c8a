/**
 * The sockets (or join attempts) of a client, by name of the namespace.
 *
 * Nearly every client joins one namespace, so the first entry is stored in fields: a Map would take as much memory as the
 * socket itself, and every packet needs the look-up.
 */
export class NamespaceSlots<Place> {
  #name: string | undefined;
  #place: Place | undefined;
  #others: Map<string, Place> | undefined;

  get(name: string): Place | undefined {
    return name === this.#name ? this.#place : this.#others?.get(name);
  }

  get size(): number {
    return (this.#name === undefined ? 0 : 1) + (this.#others?.size ?? 0);
  }

  set(name: string, place: Place): void {
    if (this.#name === undefined && !this.#others?.has(name)) this.#name = name;
    if (name === this.#name) this.#place = place;
    else (this.#others ??= new Map()).set(name, place);
  }

  delete(name: string): void {
    if (name !== this.#name) {
      this.#others?.delete(name);
    } else {
      this.#name = undefined;
      this.#place = undefined;
    }
  }

  /** Returns a copy, so that entries may be removed during a loop. */
  all(): Place[] {
    const others = this.#others === undefined ? [] : [...this.#others.values()];
    return this.#place === undefined ? others : [this.#place, ...others];
  }
}
