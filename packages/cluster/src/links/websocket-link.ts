import { Socket } from "node:net";
import { createLog, type Clock, nextTurn } from "@portage/server/relay";
import type { LinkClose, LinkHandler, WebSocketLink as Connection } from "@portage/websocket";
import { WebSocketError } from "@portage/websocket";
import { decodeFrame, type Frame, MAX_FRAME } from "../core/frames.ts";
import type { Link, LinkEnd, LinkKind } from "./link.ts";

const log = createLog("portage:cluster");

/** Close code of a node that leaves: "going away". */
const LEAVING = 1001;
/** Close code for a peer that broke the rules: "policy violation". */
const VIOLATION = 1008;

/** Milliseconds that a peer has to answer a close frame. */
const LINK_CLOSE_TIMEOUT = 1000;

/** Bytes of frames that do not wait for the end of the turn. */
const WHOLE_WRITE = 65_536;

/** Options of the WebSockets at both ends. */
export const CONNECTION_OPTIONS = {
  maxPayload: MAX_FRAME + 5,
  perMessageDeflate: false,
  closeTimeout: LINK_CLOSE_TIMEOUT,
} as const;

/** Receives what happens on a link. */
export interface LinkEvents {
  onFrame(link: PeerLink, frame: Frame): void;
  onDrain(link: PeerLink): void;
  onEnd(link: PeerLink, end: LinkEnd): void;
}

export interface LinkSettings {
  readonly tag: string;
  readonly kind: LinkKind;
  readonly clock: Clock;
  /** The option `maxLinkBytes`. */
  readonly maxBytes: number;
  /** Beats without a byte from the peer after which it counts as silent. */
  readonly maxMissed: number;
}

interface Probe {
  readonly number: number;
  readonly resolve: (isAlive: boolean) => void;
}

/**
 * A link over a WebSocket.
 *
 * Requests arrive in ticks of their own, many in one turn of the event loop. A write to the peer costs more than the frame of a
 * request, so that the frames of a turn share one.
 *
 * Silence is counted in beats, not in time: a process that was stopped finds one beat on its return, and does not blame
 * its peers.
 */
export class PeerLink implements Link, LinkHandler {
  readonly #connection: Connection;
  readonly #settings: LinkSettings;
  readonly #events: LinkEvents;
  /** Why this side has ended the link. */
  #end: LinkEnd | undefined = undefined;
  #queue: "short" | "long" = "short";
  #output: "idle" | "waiting" = "idle";
  /** Beats since the last byte of the peer. */
  #missed = 0;
  #pings = 0;
  #pingedAt = 0;
  #probes: Probe[] = [];
  /** Duration of the last answered ping, in milliseconds. */
  roundTrip: number | undefined = undefined;
  framesIn = 0;
  framesOut = 0;
  readonly openedAt: number;

  constructor(connection: Connection, settings: LinkSettings, events: LinkEvents) {
    this.#connection = connection;
    this.#settings = settings;
    this.#events = events;
    this.openedAt = settings.clock.now();
    // A cluster does not keep a process alive.
    const { stream } = connection;
    if (stream instanceof Socket) stream.unref();
  }

  get tag(): string {
    return this.#settings.tag;
  }

  get kind(): LinkKind {
    return this.#settings.kind;
  }

  get queuedBytes(): number {
    return this.#connection.bufferedBytes;
  }

  /** Starts delivery. */
  open(): void {
    this.#connection.open(this);
  }

  send(frame: Buffer): void {
    if (this.#end !== undefined) return;
    this.framesOut += 1;
    const connection = this.#connection;
    connection.cork();
    connection.sendBinary(frame);
    const queued = connection.bufferedBytes;
    if (queued >= WHOLE_WRITE) connection.flush();
    else if (this.#output === "idle") {
      this.#output = "waiting";
      nextTurn(flush, this);
    }
    const { maxBytes } = this.#settings;
    if (queued <= maxBytes / 2) return;
    this.#queue = "long";
    if (queued > maxBytes) this.fail("its queue exceeds maxLinkBytes");
  }

  /** @internal Writes the frames of the turn. */
  flush(): void {
    this.#output = "idle";
    this.#connection.flush();
  }

  probe(): Promise<boolean> {
    if (this.#end !== undefined || !this.#connection.isOpen) return Promise.resolve(false);
    return new Promise((resolve) => this.#probes.push({ number: this.#ping(), resolve }));
  }

  fail(why: string): void {
    if (this.#end !== undefined) return;
    log("link to %s failed: %s", this.tag, why);
    this.#end = "failed";
    this.#connection.close(VIOLATION, why.slice(0, 100));
    this.#connection.flush();
    this.#connection.terminate();
  }

  /** Ends the link because there is a better way to the peer. */
  replace(): void {
    this.#end ??= "cut";
    this.#connection.terminate();
  }

  /** This node leaves: the peer forgets it at once. */
  leave(): void {
    this.#end ??= "left";
    this.#connection.close(LEAVING, "the node leaves");
    this.#connection.flush();
  }

  /** Called in each `heartbeatInterval`. */
  beat(): void {
    if (this.#end !== undefined) return;
    if (this.#missed >= this.#settings.maxMissed) {
      this.#end = "silent";
      this.#connection.terminate();
      return;
    }
    this.#missed += 1;
    // A byte that came since the last beat says as much as a pong. Peers ping in turn then. The last beat before the end has to ask.
    if (this.#missed > 1 || this.#settings.maxMissed === 1) this.#ping();
  }

  #ping(): number {
    this.#pings = (this.#pings + 1) >>> 0;
    this.#pingedAt = this.#settings.clock.now();
    const data = Buffer.allocUnsafe(4);
    data.writeUInt32BE(this.#pings);
    this.#connection.ping(data);
    // Streams that look at the queue now wait for it.
    if (this.queuedBytes > this.#settings.maxBytes / 2) this.#queue = "long";
    return this.#pings;
  }

  /** @internal */
  onBinary(data: Buffer): void {
    if (this.#end !== undefined) return;
    this.#missed = 0;
    this.framesIn += 1;
    const frame = decodeFrame(data);
    if (frame === undefined) this.fail("a frame is malformed");
    else this.#events.onFrame(this, frame);
  }

  /** @internal */
  onText(): void {
    this.fail("it sent text");
  }

  /** @internal */
  onTextBytes(): void {
    this.fail("it sent text");
  }

  /** @internal */
  onPing(): void {
    this.#missed = 0;
  }

  /** @internal */
  onPong(data: Buffer): void {
    this.#missed = 0;
    if (data.length !== 4) return;
    const number = data.readUInt32BE();
    if (number === this.#pings) this.roundTrip = this.#settings.clock.now() - this.#pingedAt;
    // While the peer did not read, only the newest of its answers was queued.
    while (this.#probes.length > 0 && this.#probes[0]!.number <= number) this.#probes.shift()!.resolve(true);
  }

  /** @internal */
  onDrain(): void {
    if (this.#queue === "short" || this.#end !== undefined) return;
    if (this.queuedBytes > this.#settings.maxBytes / 2) return;
    this.#queue = "short";
    this.#events.onDrain(this);
  }

  /** @internal */
  onClose(close: LinkClose): void {
    const probes = this.#probes;
    this.#probes = [];
    this.#end ??= endOf(close);
    for (const { resolve } of probes) resolve(false);
    this.#events.onEnd(this, this.#end);
  }
}

const flush = (link: PeerLink): void => link.flush();

function endOf({ code, error }: LinkClose): LinkEnd {
  if (error instanceof WebSocketError) return "failed";
  return code === LEAVING ? "gone" : "cut";
}
