import type { LogEntry } from "./log.ts";

/** Bounds of the entries that wait while earlier ones are read; beyond, the newest are read from the log as well. */
const MOST_ENTRIES = 10_000;
const MOST_BYTES = 16e6;

/** Live entries that came before earlier entries were delivered, in the order of their arrival. */
export class WaitingEntries {
  #entries: LogEntry[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** Drops the entry if there are too many. */
  add(entry: LogEntry): void {
    if (this.#entries.length >= MOST_ENTRIES || this.#bytes + entry.body.length > MOST_BYTES) return;
    this.#entries.push(entry);
    this.#bytes += entry.body.length;
  }

  /** Whether an entry of an epoch waits. */
  has(epoch: string): boolean {
    return this.#entries.some((entry) => entry.epoch === epoch);
  }

  /** Returns the first entry of another epoch. */
  firstBeyond(epoch: string): LogEntry | undefined {
    return this.#entries.find((entry) => entry.epoch !== epoch);
  }

  /** Returns the entries, and forgets them. */
  take(): readonly LogEntry[] {
    const entries = this.#entries;
    this.#entries = [];
    this.#bytes = 0;
    return entries;
  }
}
