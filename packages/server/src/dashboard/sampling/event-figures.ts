import { LogHistogram } from "./histogram.ts";
import { cutName } from "../text.ts";
import { Rolling } from "./rolling.ts";

/** The name under which events are counted beyond {@link MOST_EVENT_NAMES}, by which a client can't take memory. */
export const OTHER_EVENTS = "_OTHER";
export const MOST_EVENT_NAMES = 256;
/** Seconds without a look after which a name makes room for others. */
const IDLE_SECONDS = 60;
/** Seconds for which the longest time in listeners counts. */
const LONGEST_SECONDS = 30;

/** What was seen of the events of one name, in one direction. Counts are estimates for all packets. */
export class EventFigures {
  readonly namespace: string;
  readonly name: string;
  readonly count = new Rolling();
  readonly bytes = new Rolling();
  /** Milliseconds in its listeners. */
  readonly handling = new Rolling();
  readonly failures = new Rolling();
  /** Acknowledgements that were asked for long enough ago, and how many of them have not come. */
  readonly awaited = new Rolling();
  readonly unanswered = new Rolling();
  readonly sizes = new LogHistogram();
  /** In microseconds. */
  handlerTimes: LogHistogram | undefined;
  ackTimes: LogHistogram | undefined;
  receivers: LogHistogram | undefined;
  /** The most processor time of its listeners lately, in milliseconds. */
  longest = 0;
  #sinceLongest = 0;
  #idle = 0;

  constructor(namespace: string, name: string) {
    this.namespace = namespace;
    this.name = name;
  }

  add(weight: number, size: number): void {
    this.#idle = 0;
    this.count.add(weight);
    this.bytes.add(weight * size);
    this.sizes.add(size);
  }

  /** @param worked milliseconds of processor time in these */
  addHandled(ms: number, weight: number, worked: number): void {
    this.handling.add(ms * weight);
    (this.handlerTimes ??= new LogHistogram()).add(ms * 1000);
    if (worked < this.longest) return;
    this.longest = worked;
    this.#sinceLongest = 0;
  }

  addAck(ms: number): void {
    (this.ackTimes ??= new LogHistogram()).add(ms * 1000);
  }

  addReceivers(count: number): void {
    (this.receivers ??= new LogHistogram()).add(count);
  }

  /** A second is over. Returns whether the name was idle for so long that it may go. */
  turn(): boolean {
    for (const sum of [this.count, this.bytes, this.handling, this.failures, this.awaited, this.unanswered]) sum.turn();
    this.#sinceLongest += 1;
    if (this.#sinceLongest > LONGEST_SECONDS) this.longest = 0;
    this.#idle += 1;
    return this.#idle > IDLE_SECONDS;
  }

  halve(): void {
    for (const histogram of [this.sizes, this.handlerTimes, this.ackTimes, this.receivers]) histogram?.halve();
  }
}

/** The events of one direction, by namespace and name: at most {@link MOST_EVENT_NAMES}, and one row for all others. */
export class EventTable {
  readonly #rows = new Map<string, EventFigures>();
  readonly #other = new EventFigures("", OTHER_EVENTS);
  /** All packets of this direction. */
  readonly all = new Rolling();

  /** Returns the row of a name. */
  at(namespace: string, fullName: string): EventFigures {
    const name = cutName(fullName);
    const key = `${namespace}\0${name}`;
    const row = this.#rows.get(key);
    if (row !== undefined) return row;
    if (this.#rows.size >= MOST_EVENT_NAMES) return this.#other;
    const made = new EventFigures(namespace, name);
    this.#rows.set(key, made);
    return made;
  }

  /** Returns all rows; the one for all others comes last, if it has counted anything. */
  rows(): EventFigures[] {
    const rows = [...this.#rows.values()];
    return this.#other.sizes.size === 0 ? rows : [...rows, this.#other];
  }

  turn(): void {
    this.all.turn();
    this.#other.turn();
    for (const [key, row] of this.#rows) if (row.turn()) this.#rows.delete(key);
  }

  halve(): void {
    for (const row of this.rows()) row.halve();
  }
}
