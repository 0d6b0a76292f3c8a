/*
 * A poll whose answer goes on: each packet leaves as an event of `text/event-stream`, so that a client without WebSocket
 * receives many packets for one request.
 *
 *   client                          server
 *   GET ...&stream=<bytes>    ->    200 and a comment of that size: the client sees whether a proxy holds answers back
 *                             <-    data: 4hello
 *                             <-    data: 2        a ping, an empty noop or a close packet is the last one: an answer without it was cut off
 *
 * Between calls the answer is open, or over. It takes packets while `isFull` is false, and its last ones at any time. An
 * answer that breaks before its end is reported once, as `POLL_LOST`.
 */
import type { ServerResponse } from "node:http";
import { encodePacketV4, type EnginePacket } from "@portage/parser/engine";
import type { PendingCall } from "../../base/clock.ts";
import { brokeOff, isGone } from "../http/http2.ts";
import type { HttpExchange, TransportRequest } from "../http/request.ts";
import { kContext, kOnPollWritable } from "../keys.ts";
import type { TransportContext } from "./context.ts";
import type { PollLoss } from "./poll.ts";
import { NOOP_PACKET } from "./transport.ts";

/** Characters after which an answer ends, as browsers store it as a whole. */
const LONGEST_ANSWER = 1_000_000;

/** Most bytes of the comment that a client can ask for. */
const LONGEST_PRELUDE = 4096;

/** Most milliseconds for the client to read the last packets. */
const LAST_READ_TIMEOUT = 10_000;

export const STREAM_HEADERS = {
  "Content-Type": "text/event-stream; charset=utf-8",
  "Cache-Control": "no-store, no-transform",
  "X-Accel-Buffering": "no",
} as const;

/**
 * Returns the bytes of the comment that a poll asks to begin with; undefined for a poll that wants one payload. Programs may
 * have a parameter of this name of their own, so the client accepts the type as well.
 */
export function preludeOf({ _query, headers }: TransportRequest): number | undefined {
  const { stream = "" } = _query;
  if (!/^\d{1,4}$/.test(stream) || !headers.accept?.includes("text/event-stream")) return undefined;
  return Math.min(Number(stream), LONGEST_PRELUDE);
}

/** Returns the event that carries a packet. A line break would end its line, so such a packet is a JSON string. */
function eventOf(packet: EnginePacket): string {
  const text = encodePacketV4(packet, false) as string;
  return `data: ${/[\r\n]/.test(text) ? `j${JSON.stringify(text)}` : text}\n\n`;
}

/** Whether a packet is a noop without a count. It ends the answer, from either side. */
export const isEmptyNoop = ({ type, data }: EnginePacket): boolean => type === "noop" && data === undefined;

const isLast = (packet: EnginePacket): boolean =>
  packet.type === "ping" || packet.type === "close" || isEmptyNoop(packet);

/** The transport that a streamed poll belongs to. */
export interface StreamOwner {
  readonly [kContext]: TransportContext;
  /** Called if the answer breaks. */
  pollClosed(poll: object, loss: PollLoss): void;
  /** Called when the client has read what was written. */
  [kOnPollWritable](poll: object): void;
}

/** One streamed poll, after its headers. */
export class StreamedPoll {
  readonly res: ServerResponse;
  /** Packets sent. */
  sent = 0;
  readonly #owner: StreamOwner;
  #state: "open" | "full" | "over" = "open";
  #length = 0;
  #timer: PendingCall | undefined;

  /** @param prelude bytes of the first comment */
  constructor(owner: StreamOwner, { res }: HttpExchange, prelude: number) {
    this.#owner = owner;
    this.res = res;
    res.on("drain", () => this.#onDrain());
    res.on("close", () => this.#onClosed());
    if (prelude > 0) res.write(`${":".padEnd(prelude - 2)}\n\n`);
    else res.flushHeaders();
  }

  get isOver(): boolean {
    return this.#state === "over";
  }

  /** Whether the client has to read first. */
  get isFull(): boolean {
    return this.#state === "full";
  }

  /** Bytes that have not left the process yet. */
  get bufferedBytes(): number {
    return this.res.writableLength;
  }

  /**
   * Sends packets; ends the answer if one is a last one, or if it has become long.
   *
   * @param most packets that the answer may have in all
   */
  send(batch: readonly EnginePacket[], most: number): void {
    if (this.#state === "over") return;
    if (isGone(this.res)) return this.#lose();
    let events = "";
    for (const packet of batch) events += eventOf(packet);
    this.sent += batch.length;
    this.#length += events.length;
    const isLong = this.#length >= LONGEST_ANSWER || this.sent >= most;
    const hasLast = batch.some(isLast);
    if (isLong && !hasLast) events += eventOf(NOOP_PACKET);
    const hasSpace = this.res.write(events);
    if (isLong || hasLast) this.#end();
    else this.#state = hasSpace ? "open" : "full";
  }

  /** Ends the connection without another word, and reports nothing. */
  cut(): void {
    this.#state = "over";
    this.res.destroy();
  }

  /** Ends the answer of a transport that has ended. A client that does not read it is cut off. */
  leave(last: EnginePacket): void {
    this.send([last], Infinity);
    const { res } = this;
    if (res.writableFinished || isGone(res)) return;
    this.#timer = this.#owner[kContext].clock.after(LAST_READ_TIMEOUT, () => res.destroy());
  }

  #end(): void {
    this.#state = "over";
    this.res.end();
  }

  #onDrain(): void {
    if (this.#state !== "full") return;
    this.#state = "open";
    this.#owner[kOnPollWritable](this);
  }

  #onClosed(): void {
    this.#timer?.cancel();
    if (this.#state !== "over") this.#lose();
    else if (brokeOff(this.res)) this.#owner.pollClosed(this, "POLL_LOST");
  }

  #lose(): void {
    this.#state = "over";
    this.#owner.pollClosed(this, "POLL_LOST");
  }
}
