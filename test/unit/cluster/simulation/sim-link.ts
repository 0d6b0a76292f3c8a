/*
 * A link between two nodes of the simulation. The scheduler moves its items one by one.
 */
import { decodeFrame, type Frame } from "../../../../packages/cluster/src/core/frames.ts";
import type { Link, LinkEnd } from "../../../../packages/cluster/src/links/link.ts";
import { resolveClusterOptions } from "../../../../packages/cluster/src/options.ts";
import type { Random } from "../../../support/random.ts";

/** What goes from one end to the other. */
type Item =
  | { readonly kind: "frame"; readonly bytes: Buffer }
  | { readonly kind: "open" }
  | { readonly kind: "ping"; readonly number: number }
  | { readonly kind: "pong"; readonly number: number }
  /** The connection has ended; nothing follows. */
  | { readonly kind: "end"; readonly end: LinkEnd };

/** The node of one end. */
export interface LinkHolder {
  readonly name: string;
  readonly isRunning: boolean;
  readonly isDead: boolean;
  /** The node hears of another one; their link opens later. */
  meet(tag: string): void;
  onOpen(link: SimLink): void;
  onFrame(link: SimLink, frame: Frame): void;
  onDrain(link: SimLink): void;
  /** The link takes nothing more; its close is reported later. */
  onEnd(link: SimLink): void;
  onClose(link: SimLink, end: LinkEnd): void;
}

/**
 * - `new`: the other end has opened, and this one will
 * - `ended`: nothing can be sent, and the close is not reported yet
 */
type Phase = "new" | "open" | "ended" | "closed";

export const MAX_LINK_BYTES: number = resolveClusterOptions().maxLinkBytes;

/** One end of a link. */
export class SimLink implements Link {
  readonly kind = "unix";
  /** The name of the node at the other end. */
  readonly name: string;
  readonly holder: LinkHolder;
  peer!: SimLink;
  phase: Phase = "new";
  failure: string | undefined;
  maxQueued = 0;
  queuedBytes = 0;
  /** Frames that this end has sent, and that have arrived at the other. */
  sentFrames = 0;
  takenFrames = 0;
  /** On the way to this end. */
  #incoming: Item[] = [];
  #isSealed = false;
  #end: LinkEnd | undefined;
  #pings = 0;
  readonly #probes = new Map<number, (isThere: boolean) => void>();

  private constructor(holder: LinkHolder, name: string) {
    this.holder = holder;
    this.name = name;
  }

  /** Creates both ends. The first one is open, the second one opens with its first item. */
  static pair(one: LinkHolder, two: LinkHolder): readonly [SimLink, SimLink] {
    const a = new SimLink(one, two.name);
    const b = new SimLink(two, one.name);
    a.peer = b;
    b.peer = a;
    a.phase = "open";
    b.#incoming.push({ kind: "open" });
    two.meet(one.name);
    return [a, b];
  }

  get tag(): string {
    return this.name;
  }

  send(bytes: Buffer): void {
    if (this.phase === "closed") throw new Error("a frame was sent on a link that has closed");
    if (this.phase !== "open") return;
    this.#put({ kind: "frame", bytes });
    this.sentFrames += 1;
    this.queuedBytes += bytes.length;
    this.maxQueued = Math.max(this.maxQueued, this.queuedBytes);
  }

  #put(item: Item): void {
    if (!this.peer.#isSealed) this.peer.#incoming.push(item);
  }

  probe(): Promise<boolean> {
    if (this.phase !== "open") return Promise.resolve(false);
    const number = ++this.#pings;
    this.#put({ kind: "ping", number });
    return new Promise((resolve) => this.#probes.set(number, resolve));
  }

  fail(why: string): void {
    this.failure ??= why;
    this.cutTo("failed", "cut");
  }

  /** Whether both ends are open and will stay so. */
  get isSound(): boolean {
    const { peer } = this;
    return this.phase === "open" && peer.phase === "open" && !this.#isSealed && !peer.#isSealed;
  }

  /** Whether the scheduler can move something at this end. */
  get isBusy(): boolean {
    if (!this.holder.isRunning || this.phase === "closed") return false;
    return this.phase === "ended" || this.#incoming.length > 0;
  }

  /** Moves one item to this end, or reports its close. */
  step(): void {
    if (this.phase === "ended") return this.#close();
    const item = this.#incoming.shift();
    if (item === undefined) return;
    if (item.kind === "open") {
      this.phase = "open";
      return this.holder.onOpen(this);
    }
    if (item.kind === "end") return this.#ended(item.end);
    if (item.kind === "ping") return this.#put({ kind: "pong", number: item.number });
    if (item.kind === "pong") return this.#probes.get(item.number)?.(true);
    this.#receive(item.bytes);
  }

  #receive(bytes: Buffer): void {
    this.peer.#taken(bytes.length);
    const frame = decodeFrame(bytes);
    if (frame === undefined) throw new Error("a malformed frame was sent");
    this.holder.onFrame(this, frame);
  }

  #taken(bytes: number): void {
    this.takenFrames += 1;
    const before = this.queuedBytes;
    this.queuedBytes -= bytes;
    const isShort = before > MAX_LINK_BYTES / 2 && this.queuedBytes <= MAX_LINK_BYTES / 2;
    if (isShort && this.phase === "open") this.holder.onDrain(this);
  }

  #ended(end: LinkEnd): void {
    const wasOpen = this.phase === "open";
    this.#end = end;
    this.#incoming = [];
    this.#isSealed = true;
    this.phase = wasOpen ? "ended" : "closed";
    for (const resolve of this.#probes.values()) resolve(false);
    this.#probes.clear();
    if (wasOpen) this.holder.onEnd(this);
  }

  #close(): void {
    this.phase = "closed";
    this.holder.onClose(this, this.#end!);
  }

  /** Ends both ends; each learns of it once what was under way has arrived, or the first part of that. */
  cut(random: Random, end: LinkEnd, peerEnd: LinkEnd = end): void {
    this.#seal(end, random.below(this.#incoming.length + 1));
    this.peer.#seal(peerEnd, random.below(this.peer.#incoming.length + 1));
  }

  #seal(end: LinkEnd, left: number): void {
    if (this.#isSealed) return;
    this.#isSealed = true;
    this.#incoming = [...this.#incoming.slice(0, left), { kind: "end", end }];
  }

  /** This end knows at once; the other one when all has arrived. */
  cutTo(end: LinkEnd, peerEnd: LinkEnd): void {
    this.peer.#seal(peerEnd, this.peer.#incoming.length);
    if (this.phase === "open" || this.phase === "new") this.#ended(end);
  }

  /** The node closes the link: it is reported at once. */
  leave(): void {
    this.cutTo("left", "gone");
    if (this.phase === "ended") this.#close();
  }
}
