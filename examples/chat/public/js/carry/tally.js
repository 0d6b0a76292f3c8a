/** Counts numbered messages, from 1 on. The page and the server use it. */
export class Tally {
  received = 0;
  doubled = 0;
  disordered = 0;
  #highest = 0;
  #missing = new Set();

  take(number) {
    if (number > this.#highest) {
      for (let missing = this.#highest + 1; missing < number; missing += 1) this.#missing.add(missing);
      this.#highest = number;
    } else if (this.#missing.delete(number)) this.disordered += 1;
    else {
      this.doubled += 1;
      return;
    }
    this.received += 1;
  }

  /** @param sent how many messages the other side has sent; without it, messages on their way are not lost */
  report(sent = this.#highest) {
    const { received, doubled, disordered } = this;
    return { received, lost: sent - received, doubled, disordered };
  }
}
