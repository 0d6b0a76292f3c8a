/** How far a node has got with the recoverable events of the others. */
export type Positions = Readonly<Record<string, number>>;

/** What a received number says. */
export type Continuity = "next" | "hole";

/**
 * The numbers of the last recoverable events of all nodes, for one namespace. A node that is lost keeps its number: its
 * events may still be in the log.
 */
export class NodePositions {
  readonly #numbers = new Map<string, number>();
  #own = 0;

  /** Number of this node's last event. */
  get own(): number {
    return this.#own;
  }

  /** Returns the number of a new event of this node. */
  next(): number {
    this.#own += 1;
    return this.#own;
  }

  get(tag: string): number | undefined {
    return this.#numbers.get(tag);
  }

  /** An event of a node has arrived. */
  receive(tag: string, number: number): Continuity {
    const last = this.#numbers.get(tag);
    this.#set(tag, number);
    return last === undefined || number === last + 1 ? "next" : "hole";
  }

  /** A node has reported the number of its last event. */
  report(tag: string, number: number): Continuity {
    const last = this.#numbers.get(tag);
    this.#set(tag, number);
    return last === undefined || number === last ? "next" : "hole";
  }

  /** Returns all positions; the own one is under the tag. */
  all(ownTag: string): Positions {
    return { ...Object.fromEntries(this.#numbers), [ownTag]: this.#own };
  }

  #set(tag: string, number: number): void {
    this.#numbers.delete(tag);
    this.#numbers.set(tag, number);
    const [oldest = tag] = this.#numbers.keys();
    if (this.#numbers.size > MAX_NODES) this.#numbers.delete(oldest);
  }
}

/** Most nodes whose numbers are kept, lost ones included. */
const MAX_NODES = 1000;
