import { decodeFrame, type Frame } from "../../../packages/cluster/src/core/frames.ts";
import type { Link, LinkEnd } from "../../../packages/cluster/src/links/link.ts";

/** Receives what one end of a pair gets. */
export interface MemoryObserver {
  onFrame(link: MemoryLink, frame: Frame): void;
  onDrain?(link: MemoryLink): void;
  onClose?(link: MemoryLink, end: LinkEnd): void;
}

/**
 * - `manual`: frames stay in the queue until `deliver()`
 * - `turn`: frames of one turn of the event loop arrive in the next one
 */
export type Pace = "manual" | "turn";

/** One end of a link without a connection. */
export class MemoryLink implements Link {
  readonly kind = "unix";
  readonly tag: string;
  readonly pace: Pace;
  /** The sentences of `fail`. */
  readonly failures: string[] = [];
  /** Names of all frames that were sent. */
  readonly sent: string[] = [];
  observer: MemoryObserver = { onFrame() {} };
  /** The queue is reported as short once it was longer than this and is no more. */
  highWater = Infinity;
  #peer: MemoryLink | undefined;
  #queue: Buffer[] = [];
  #queued = 0;
  #state: "open" | "held" | "closed" = "open";
  #turn: NodeJS.Immediate | undefined;

  private constructor(tag: string, pace: Pace) {
    this.tag = tag;
    this.pace = pace;
  }

  /** Returns two ends; the tag of each is that of the other node. */
  static pair(pace: Pace = "manual", tags: readonly [string, string] = ["AAAA", "BBBB"]): [MemoryLink, MemoryLink] {
    const a = new MemoryLink(tags[1], pace);
    const b = new MemoryLink(tags[0], pace);
    a.#peer = b;
    b.#peer = a;
    return [a, b];
  }

  get queuedBytes(): number {
    return this.#queued;
  }

  get isClosed(): boolean {
    return this.#state === "closed";
  }

  send(bytes: Buffer): void {
    if (this.#state === "closed") throw new Error("a frame on a closed link");
    const frame = decodeFrame(bytes);
    if (frame === undefined) throw new Error("a malformed frame was sent");
    this.sent.push(frame.type);
    this.#queue.push(bytes);
    this.#queued += bytes.length;
    this.#schedule();
  }

  #schedule(): void {
    if (this.pace === "manual" || this.#state !== "open" || this.#turn !== undefined) return;
    this.#turn = setImmediate(() => {
      this.#turn = undefined;
      this.deliver();
    });
  }

  /** Delivers the frames that are queued now, or the first ones. Returns how many. */
  deliver(most: number = this.#queue.length): number {
    let count = 0;
    while (count < most && this.#queue.length > 0 && this.#state === "open") {
      const bytes = this.#queue.shift()!;
      const before = this.#queued;
      this.#queued -= bytes.length;
      count += 1;
      const peer = this.#peer!;
      peer.observer.onFrame(peer, decodeFrame(bytes)!);
      if (before > this.highWater && this.#queued <= this.highWater) this.observer.onDrain?.(this);
    }
    return count;
  }

  /** Stops the delivery of what this end sends, as a peer does that does not read. */
  hold(): void {
    if (this.#state === "open") this.#state = "held";
  }

  /** Ends a `hold`. */
  release(): void {
    if (this.#state !== "held") return;
    this.#state = "open";
    this.#schedule();
  }

  probe(): Promise<boolean> {
    return Promise.resolve(this.#state === "open");
  }

  fail(why: string): void {
    this.failures.push(why);
    this.close("failed", "cut");
  }

  /** Closes both ends. Frames that are under way are lost. */
  close(end: LinkEnd, peerEnd: LinkEnd = end): void {
    if (this.#state === "closed") return;
    const peer = this.#peer!;
    for (const link of [this, peer]) {
      link.#state = "closed";
      link.#queue = [];
      link.#queued = 0;
      clearImmediate(link.#turn);
    }
    this.observer.onClose?.(this, end);
    peer.observer.onClose?.(peer, peerEnd);
  }
}

/** Delivers frames of both ends until none is left. */
export function settle(...links: readonly MemoryLink[]): void {
  for (let round = 0; round < 1000; round++) {
    let count = 0;
    for (const link of links) count += link.deliver();
    if (count === 0) return;
  }
  throw new Error("the links do not come to rest");
}
