/*
 * The streams of one link: exchanges and tunnels, by their numbers.
 *
 * The front numbers a stream, and sends frames with the number itself; the owner adds the highest bit. Both nodes of a link are
 * fronts for some streams and owners of others, so the number of a frame says which end it is for.
 *
 * A stream that has ended at one end may still receive what the other had sent before. Such frames carry a number that was in
 * use and are ignored; a number that never was in use breaks the rules.
 */
import { encodeFrame, type Frame, type FrameName } from "../core/frames.ts";
import { encodeReset, type ResetCode } from "../core/reset.ts";
import type { Link, LinkEnd } from "../links/link.ts";
import { EndTable } from "./end-table.ts";

const OWNER_BIT = 0x8000_0000;
const LAST_NUMBER = 0x7fff_ffff;

/** One end of a stream. It is listed in the streams of its link until it leaves. */
export abstract class StreamEnd {
  readonly streams: LinkStreams;
  /** The number in frames that arrive; frames that are sent have the same with the other highest bit. */
  readonly number: number;
  /** @internal The next one in the table. */
  next: StreamEnd | undefined = undefined;

  /** @param number given by the front; undefined at the front itself */
  constructor(streams: LinkStreams, number?: number) {
    this.streams = streams;
    this.number = number ?? addBit(streams.newNumber());
    streams.add(this);
  }

  abstract onFrame(frame: Frame): void;
  /** The link has closed. The end has left its streams already. */
  abstract onLinkClose(end: LinkEnd): void;
  /** The queue of the link is short again, see {@link waitForDrain}. */
  onLinkDrain(): void {}

  protected send(type: FrameName, ...parts: readonly Buffer[]): void {
    this.streams.send(encodeFrame(type, flipBit(this.number), ...parts));
  }

  /** Takes the end from the streams; frames that still arrive for it are ignored. */
  protected leave(): void {
    this.streams.remove(this);
  }

  /** Calls `onLinkDrain` when the congestion of the link ends. */
  protected waitForDrain(): void {
    this.streams.addWaiting(this);
  }
}

const addBit = (number: number): number => (number | OWNER_BIT) >>> 0;
const flipBit = (number: number): number => (number ^ OWNER_BIT) >>> 0;

/** Receives the first frame of each stream that the peer opens. */
export interface StreamTaker {
  accept(streams: LinkStreams, frame: Frame): void;
}

/** All streams of one link. */
export class LinkStreams {
  readonly link: Link;
  readonly #taker: StreamTaker;
  readonly #congestion: number;
  readonly #ends = new EndTable<StreamEnd>();
  readonly #waiting = new Set<StreamEnd>();
  #state: "open" | "closed" = "open";
  #lastOpened: number;
  /** The highest numbers that were in use. After 2^31 - 1 of them, all numbers were. */
  #highestOpened: number;
  #highestAccepted = 0;

  /**
   * @param congestion bytes in the queue of the link from which nothing is added that can wait
   * @param lastOpened the number before the first one of this front
   */
  constructor(link: Link, taker: StreamTaker, congestion: number, lastOpened = 0) {
    this.link = link;
    this.#taker = taker;
    this.#congestion = congestion;
    this.#lastOpened = lastOpened;
    this.#highestOpened = lastOpened;
  }

  get size(): number {
    return this.#ends.size;
  }

  /** Whether the peer reads too slowly: bodies have to wait. */
  get isCongested(): boolean {
    return this.link.queuedBytes > this.#congestion;
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Sends a frame; a closed link drops it. */
  send(frame: Buffer): void {
    if (this.#state === "open") this.link.send(frame);
  }

  /** Resets a stream that the peer wants to open. */
  refuse(number: number, code: ResetCode): void {
    this.send(encodeFrame("RESET", addBit(number), encodeReset(code)));
  }

  /** @internal */
  newNumber(): number {
    do this.#lastOpened = this.#lastOpened === LAST_NUMBER ? 1 : this.#lastOpened + 1;
    while (this.#ends.get(addBit(this.#lastOpened)) !== undefined);
    this.#highestOpened = Math.max(this.#highestOpened, this.#lastOpened);
    return this.#lastOpened;
  }

  /** @internal */
  add(end: StreamEnd): void {
    this.#ends.add(end);
  }

  /** @internal */
  remove(end: StreamEnd): void {
    this.#ends.remove(end);
    this.#waiting.delete(end);
  }

  /** @internal */
  addWaiting(end: StreamEnd): void {
    this.#waiting.add(end);
  }

  /** Passes a frame to its stream. */
  onFrame(frame: Frame): void {
    const end = this.#ends.get(frame.stream);
    if (end) return end.onFrame(frame);
    if (frame.type === "REQUEST" || frame.type === "UPGRADE") return this.#accept(frame);
    const { stream } = frame;
    const wasUsed = stream >= OWNER_BIT ? flipBit(stream) <= this.#highestOpened : stream <= this.#highestAccepted;
    if (!wasUsed || stream === 0) this.link.fail(`${frame.type} for a stream that was never opened`);
  }

  #accept(frame: Frame): void {
    const { stream } = frame;
    if (stream === 0 || stream >= OWNER_BIT) return this.link.fail(`${frame.type} with an invalid number`);
    this.#highestAccepted = Math.max(this.#highestAccepted, stream);
    this.#taker.accept(this, frame);
  }

  /** Lets streams that wait for the link go on, until it is congested again. */
  onDrain(): void {
    for (const end of this.#waiting) {
      if (this.isCongested) return;
      this.#waiting.delete(end);
      end.onLinkDrain();
    }
  }

  /** Ends all streams. */
  onClose(end: LinkEnd): void {
    this.#state = "closed";
    const ends = this.#ends.takeAll();
    this.#waiting.clear();
    for (const stream of ends) stream.onLinkClose(end);
  }

  /** Returns the ends of the class `kind`. */
  endsOf<End extends StreamEnd>(kind: abstract new (...args: never[]) => End): End[] {
    return this.#ends.list().filter((end): end is End => end instanceof kind);
  }
}
