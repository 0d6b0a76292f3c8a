import { Ledger } from "@portage/parser/engine";
import type { Random } from "../../support/random.ts";

const LIMITS = { maxBytes: 1e9, maxPackets: 1e9 };

/** What is on the line: a message, or the count of a receiver. */
type Sent = { readonly number: number } | { readonly count: number };

/** One end: its ledger, its queue, and what it has received. */
class End {
  readonly ledger = new Ledger<number>(LIMITS, () => 1);
  sent = 0;
  received = 0;
  /** What was received in place of the next message. */
  fault: number | undefined;
  #queue: number[] = [];

  say(): void {
    this.#queue.push(this.sent++);
  }

  flush(line: Sent[]): void {
    for (const number of this.#queue.splice(0)) {
      this.ledger.sent(number);
      line.push({ number });
    }
  }

  take(packet: Sent, answers: Sent[]): void {
    if ("count" in packet) {
      this.ledger.confirm(packet.count);
      return;
    }
    if (packet.number !== this.received) this.fault ??= packet.number;
    this.received++;
    if (this.ledger.received(1000)) answers.push({ count: this.ledger.report() });
  }

  /** The peer has `count` messages: the others are queued again. */
  resume(count: number): void {
    const lost = this.ledger.rewind(count);
    if (!lost) throw new Error(`${count} messages are not a count that ${this.sent} reach`);
    this.#queue.unshift(...lost);
  }
}

/** Two ledgers on a line that is cut and mended at random, with the fewest rules that a carry needs. */
export class Ledgers {
  readonly client = new End();
  readonly server = new End();
  readonly #random: Random;
  #up: Sent[] = [];
  #down: Sent[] = [];
  /** Whether the server has left the line, and whether the client has. */
  #isLeft = { server: false, client: false };
  /** Counts in the returns that are under way, by turn; earlier ones come late. */
  #returns: number[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  step(): void {
    const random = this.#random;
    const isLeft = this.#isLeft;
    switch (random.below(9)) {
      case 0:
        return this.client.say();
      case 1:
        return this.server.say();
      case 2:
        return isLeft.client ? undefined : this.client.flush(this.#up);
      case 3:
        return isLeft.server ? undefined : this.server.flush(this.#down);
      case 4:
      case 5:
        return this.#deliver(1 + random.below(3), random.below(2) === 0);
      case 6:
        // what is on the line may still arrive where its end has not left
        isLeft.client ||= random.below(2) === 0;
        isLeft.server ||= random.below(2) === 0;
        return;
      case 7:
        if (isLeft.client) this.#returns.push(this.client.ledger.report());
        return;
      case 8:
        return this.#return(random.below(3) > 0);
    }
  }

  #deliver(most: number, isUp: boolean): void {
    const line = isUp ? this.#up : this.#down;
    const end = isUp ? this.server : this.client;
    const hasLeft = isUp ? this.#isLeft.server : this.#isLeft.client;
    for (const packet of line.splice(0, most)) if (!hasLeft) end.take(packet, isUp ? this.#down : this.#up);
  }

  /** The last return reaches the server, which takes it; its answer may be lost. */
  #return(isAnswered: boolean): void {
    if (this.#returns.length === 0) return;
    const { client, server } = this;
    server.resume(this.#returns.at(-1)!);
    this.#up = [];
    this.#down = [];
    server.flush(this.#down);
    const count = server.ledger.report();
    if (isAnswered) client.resume(count);
    this.#isLeft = { server: !isAnswered, client: !isAnswered };
    this.#returns = [];
  }

  /** Brings both ends to rest. Returns what is wrong then. */
  settle(): string | undefined {
    const { client, server } = this;
    if (this.#isLeft.client || this.#isLeft.server) {
      this.#returns.push(client.ledger.report());
      this.#return(true);
    }
    client.flush(this.#up);
    server.flush(this.#down);
    while (this.#up.length + this.#down.length > 0) {
      this.#deliver(Infinity, true);
      this.#deliver(Infinity, false);
    }
    if (server.fault !== undefined || client.fault !== undefined)
      return `${server.fault ?? client.fault} came out of order`;
    if (server.received === client.sent && client.received === server.sent) return undefined;
    return `${server.received} of ${client.sent} up, ${client.received} of ${server.sent} down`;
  }
}
