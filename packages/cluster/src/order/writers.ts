import { isDoubtful, type WrittenEntry } from "./entry.ts";

/** Most writers whose sequences are kept; each start of a process is one. */
const MOST_WRITERS = 1000;

/** What the sequence of an entry says. `hole`: clients of this node have not got earlier entries of its writer, or may have got this one. */
export type SequenceOrder = "next" | "repeated" | "hole";

/** The last sequences of all writers, for one namespace. A log that was emptied may get an entry again. */
export class Writers {
  readonly #last = new Map<string, { sequence: number; mayJump: boolean }>();
  /** Clients of this node may have got entries, before this epoch, that this node does not know. */
  #guestEpoch = "";

  /** Whether an entry was received before. */
  knows({ writer, sequence }: Pick<WrittenEntry, "writer" | "sequence">): boolean {
    return sequence <= (this.#last.get(writer)?.sequence ?? 0);
  }

  /** Entries are known to be lost: the next sequence of each writer may be any. */
  expectGaps(): void {
    for (const last of this.#last.values()) last.mayJump = true;
  }

  /** A client has come from another node in this epoch: it may have got entries of earlier ones there. */
  expectGuest(epoch: string): void {
    this.#guestEpoch = epoch;
  }

  receive(entry: WrittenEntry, epoch: string): SequenceOrder {
    const { writer, sequence } = entry;
    const last = this.#last.get(writer);
    if (last !== undefined && sequence <= last.sequence) return "repeated";
    const isSure = last?.mayJump === false;
    const isNext = !isSure || sequence === last.sequence + 1;
    if (last === undefined) this.#add(writer, sequence);
    else {
      last.sequence = sequence;
      last.mayJump = false;
    }
    const mayBeSecond = isDoubtful(entry, epoch) && (!isSure || this.#guestEpoch === epoch);
    return isNext && !mayBeSecond ? "next" : "hole";
  }

  #add(writer: string, sequence: number): void {
    this.#last.set(writer, { sequence, mayJump: false });
    const [oldest = writer] = this.#last.keys();
    if (this.#last.size > MOST_WRITERS) this.#last.delete(oldest);
  }
}
