/*
 * The adapter: broadcasts, rooms and requests over all nodes of a cluster.
 * Knows: the adapter of one server, and links by which messages go to other nodes.
 * Must not know: how links are made, HTTP, and sessions.
 *
 * The bus carries messages of adapters in MESSAGE frames. A node receives the messages of another one in order, and each
 * once, as long as their link lives. A message that does not fit in a frame goes in pieces.
 *
 * Quantities, for each link: `queuedBytes` of the link itself, and the frames in its outbox.
 * Invariant between calls: the outbox is empty, or the link has more than `highWater` bytes queued or is about to report
 * that it has drained. Frames leave the outbox first in, first out.
 * What would break it: sending a frame past an outbox that is not empty; a piece would then land inside another message.
 */
import { failAdapter, SocketIoError } from "@portage/server/relay";
import { encodeFrame, type Frame } from "../core/frames.ts";
import type { Link, LinkEnd, Peers } from "../links/link.ts";
import { addressOf, encodeAbsence, type MessageAddress, mustAnswer } from "./messages.ts";
import { Assembler, split } from "./pieces.ts";

/** The links of a node, as the bus sees them. */
export type BusPeers = Pick<Peers, "tag" | "get" | "all">;

/** The adapter of one namespace, as the bus sees it. */
export interface BusMember {
  readonly nsp: object;
  /** There is a new link to a node. */
  onOpen(tag: string): void;
  /** Handles a message of another node. */
  onMessage(from: string, address: MessageAddress, message: Buffer): void;
  /** The link to a node has closed: messages under way are lost. */
  onLost(tag: string, end: LinkEnd): void;
}

/** Carries messages between the adapters of a namespace on all nodes. */
export interface Bus {
  /** The tag of this node; empty until it has joined. */
  readonly tag: string;
  /** The tags of the other nodes that messages reach now. */
  nodes(): string[];
  /** Sends a message to all other nodes. @throws SocketIoError `CLUSTER_MESSAGE_TOO_LARGE` */
  publish(message: readonly Buffer[]): void;
  /** Sends a message to one node. Returns false if there is no link. @throws SocketIoError `CLUSTER_MESSAGE_TOO_LARGE` */
  send(tag: string, message: readonly Buffer[]): boolean;
  /** Returns the number of a new request. */
  nextRequest(): number;
  /** Time that other nodes have to answer a request, in milliseconds. */
  readonly requestTimeout: number;
  join(nsp: string, member: BusMember): void;
  leave(nsp: string, member: BusMember): void;
}

/** Bounds of the bus. */
export interface BusOptions {
  /** Time that other nodes have to answer a request, in milliseconds. Default: 5000. */
  readonly requestTimeout?: number;
  /** With more than half of these bytes queued on a link, the bus holds frames back. Default: 8000000. */
  readonly maxLinkBytes?: number;
  /** Largest message, in bytes. Default: 64000000. Beyond: `CLUSTER_MESSAGE_TOO_LARGE`. */
  readonly maxMessageBytes?: number;
  /** Bytes held back for one link. Default: twice `maxMessageBytes`. Beyond: the link fails. */
  readonly maxHeldBytes?: number;
}

const BUS_DEFAULTS = {
  requestTimeout: 5000,
  maxLinkBytes: 8e6,
  maxMessageBytes: 64e6,
} as const satisfies BusOptions;

/** Largest number of a request; then they start again. */
const MAX_REQUEST = 0xffff_ffff;

/** What the bus holds for one link. */
interface Lane {
  readonly incoming: Assembler;
  readonly held: Buffer[];
  heldBytes: number;
}

/** The bus over the links of a node. The node passes it the events of links. */
export class LinkBus implements Bus {
  readonly #peers: BusPeers;
  readonly #options: Required<BusOptions>;
  readonly #members = new Map<string, BusMember>();
  readonly #lanes = new Map<Link, Lane>();
  #requests = 0;

  constructor(peers: BusPeers, options: BusOptions = {}) {
    this.#peers = peers;
    const { maxMessageBytes = BUS_DEFAULTS.maxMessageBytes } = options;
    this.#options = { ...BUS_DEFAULTS, maxHeldBytes: 2 * maxMessageBytes, ...options };
  }

  get tag(): string {
    return this.#peers.tag;
  }

  get requestTimeout(): number {
    return this.#options.requestTimeout;
  }

  /** Bytes held back for all links, because they are congested. */
  get heldBytes(): number {
    let bytes = 0;
    for (const { heldBytes } of this.#lanes.values()) bytes += heldBytes;
    return bytes;
  }

  nodes(): string[] {
    return Array.from(this.#peers.all(), ({ tag }) => tag);
  }

  nextRequest(): number {
    this.#requests = this.#requests === MAX_REQUEST ? 1 : this.#requests + 1;
    return this.#requests;
  }

  join(nsp: string, member: BusMember): void {
    this.#members.set(nsp, member);
  }

  leave(nsp: string, member: BusMember): void {
    if (this.#members.get(nsp) === member) this.#members.delete(nsp);
  }

  // ---- to other nodes ------------------------------------------------------------------------------------------------

  publish(message: readonly Buffer[]): void {
    const links = [...this.#peers.all()];
    if (links.length === 0) return;
    // All links get the same frames.
    const frames = this.#framesOf(message);
    for (const link of links) this.#send(link, frames);
  }

  send(tag: string, message: readonly Buffer[]): boolean {
    const link = this.#peers.get(tag);
    if (link === undefined) return false;
    this.#send(link, this.#framesOf(message));
    return true;
  }

  #framesOf(message: readonly Buffer[]): Buffer[] {
    let bytes = 0;
    for (const part of message) bytes += part.length;
    const { maxMessageBytes } = this.#options;
    if (bytes > maxMessageBytes) {
      const text = `a message of ${bytes} bytes exceeds maxMessageBytes (${maxMessageBytes})`;
      throw new SocketIoError("CLUSTER_MESSAGE_TOO_LARGE", text);
    }
    return split(message, bytes).map((body) => encodeFrame("MESSAGE", 0, ...body));
  }

  #send(link: Link, frames: readonly Buffer[]): void {
    const lane = this.#laneOf(link);
    for (const frame of frames) {
      lane.held.push(frame);
      lane.heldBytes += frame.length;
    }
    this.#release(link, lane);
    if (lane.heldBytes <= this.#options.maxHeldBytes) return;
    link.fail(`messages of ${lane.heldBytes} bytes are held back, maxHeldBytes is ${this.#options.maxHeldBytes}`);
  }

  /** Sends frames until the link is congested. */
  #release(link: Link, lane: Lane): void {
    let sent = 0;
    for (const frame of lane.held) {
      if (link.queuedBytes > this.#options.maxLinkBytes / 2) break;
      lane.heldBytes -= frame.length;
      sent += 1;
      link.send(frame);
    }
    if (sent > 0) lane.held.splice(0, sent);
  }

  #laneOf(link: Link): Lane {
    let lane = this.#lanes.get(link);
    if (lane === undefined) {
      lane = { incoming: new Assembler(this.#options.maxMessageBytes), held: [], heldBytes: 0 };
      this.#lanes.set(link, lane);
    }
    return lane;
  }

  // ---- from other nodes ----------------------------------------------------------------------------------------------

  /** There is a new link. */
  onOpen(link: Link): void {
    for (const member of this.#members.values()) member.onOpen(link.tag);
  }

  /** Handles a MESSAGE frame. */
  onFrame(link: Link, { body }: Frame): void {
    const message = this.#laneOf(link).incoming.take(body);
    if (message === "malformed") return link.fail("a piece of an adapter's message is malformed, or too long");
    if (message === undefined) return;
    const address = addressOf(message);
    if (address === undefined) return this.#reportMalformed();
    const member = this.#members.get(address.nsp);
    if (member !== undefined) member.onMessage(link.tag, address, message);
    else if (mustAnswer(address)) this.send(link.tag, encodeAbsence(address));
  }

  /** The link takes frames again. */
  onDrain(link: Link): void {
    const lane = this.#lanes.get(link);
    if (lane !== undefined) this.#release(link, lane);
  }

  /** The link has closed; what was under way is lost. */
  onClose(link: Link, end: LinkEnd): void {
    this.#lanes.delete(link);
    for (const member of this.#members.values()) member.onLost(link.tag, end);
  }

  #reportMalformed(): void {
    const [member] = this.#members.values();
    const error = new SocketIoError("CLUSTER_MESSAGE_INVALID", "a message from the bus is ignored: it has no address");
    failAdapter(error, member?.nsp, "thrown");
  }
}
