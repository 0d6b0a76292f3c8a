import type { WrittenEntry } from "./entry.ts";

/** Most writers whose sequences are kept; each start of a process is one. */
const MOST_WRITERS = 1000;

/** What the sequence of an entry says. `hole`: earlier entries of its writer are lost. */
export type SequenceOrder = "next" | "repeated" | "hole";

/** The last sequences of all writers, for one namespace. A log that was emptied may get an entry again. */
export class Writers {
  readonly #last = new Map<string, { sequence: number; mayJump: boolean }>();

  /** Whether an entry was received before. */
  knows({ writer, sequence }: Pick<WrittenEntry, "writer" | "sequence">): boolean {
    return sequence <= (this.#last.get(writer)?.sequence ?? 0);
  }

  /** Entries are known to be lost: the next sequence of each writer may be any. */
  expectGaps(): void {
    for (const last of this.#last.values()) last.mayJump = true;
  }

  receive({ writer, sequence }: Pick<WrittenEntry, "writer" | "sequence">): SequenceOrder {
    const last = this.#last.get(writer);
    if (last === undefined) {
      this.#add(writer, sequence);
      return "next";
    }
    if (sequence <= last.sequence) return "repeated";
    const isNext = sequence === last.sequence + 1 || last.mayJump;
    last.sequence = sequence;
    last.mayJump = false;
    return isNext ? "next" : "hole";
  }

  #add(writer: string, sequence: number): void {
    this.#last.set(writer, { sequence, mayJump: false });
    const [oldest = writer] = this.#last.keys();
    if (this.#last.size > MOST_WRITERS) this.#last.delete(oldest);
  }
}
