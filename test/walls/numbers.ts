/** Numbers that should arrive once and in order. */
export class Numbers {
  /** How many were sent: the next one to send. */
  sent = 0;
  doubled = 0;
  reordered = 0;
  /** The next one to arrive. */
  #next = 0;
  /** Those that a later one has overtaken. */
  readonly #missing = new Set<number>();

  take(number: number): void {
    if (number >= this.#next) {
      while (this.#next < number) this.#missing.add(this.#next++);
      this.#next++;
    } else if (this.#missing.delete(number)) this.reordered++;
    else this.doubled++;
  }

  /** Whether the last number has not arrived. */
  get isBehind(): boolean {
    return this.#next < this.sent;
  }

  get lost(): number {
    return this.#missing.size + this.sent - this.#next;
  }
}
