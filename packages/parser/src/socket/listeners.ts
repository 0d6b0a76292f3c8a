/** Called with the arguments of the event. */
export type PacketListener = (...args: never[]) => void;

interface Entry {
  readonly event: string;
  readonly listener: PacketListener;
  readonly once: boolean;
}

/** The few listeners of one decoder, in the order they were added. */
export class Listeners {
  #entries: readonly Entry[] = [];

  add(event: string, listener: PacketListener): void {
    this.#entries = [...this.#entries, { event, listener, once: false }];
  }

  addOnce(event: string, listener: PacketListener): void {
    this.#entries = [...this.#entries, { event, listener, once: true }];
  }

  /** Removes matching listeners. An omitted argument matches all. */
  remove(event: string | undefined, listener: PacketListener | undefined): void {
    this.#entries = this.#entries.filter(
      (entry) =>
        (event !== undefined && entry.event !== event) || (listener !== undefined && entry.listener !== listener),
    );
  }

  /** Calls the listeners. Listeners added or removed meanwhile take effect with the next event. */
  emit(event: string, args: unknown[]): void {
    for (const entry of this.#entries) {
      if (entry.event !== event) continue;
      if (entry.once) this.#entries = this.#entries.filter((other) => other !== entry);
      // Cast: the listeners of all events share one list, so their parameters are unknown.
      entry.listener(...(args as never[]));
    }
  }
}
