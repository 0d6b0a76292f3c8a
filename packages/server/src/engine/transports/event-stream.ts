/*
 * Server-sent events, for clients without a library: `EventSource` of a page, curl. One HTTP answer that goes on carries the
 * session, and the client sends nothing.
 *
 *   client                                server
 *   GET ...?transport=sse           ->    200 text/event-stream, with the first message
 *                                   <-    retry: 2000          lines of a message, then a blank line
 *                                   <-    event: headline
 *                                   <-    data: {"title":"..."}
 *                                   <-    :                    a ping, which the transport itself answers
 *
 * A message is a {@link SharedEvent} of the layer above, or else its text as `data` (bytes: an event `binary`, in base64). The head leaves with the first of them, so
 * that the layer above can still refuse the client by a status. An EventSource gives up for good at any status but 200, so
 * what will pass is an event `refused` with a delay in `retry`.
 */
import type { ServerResponse } from "node:http";
import { EnginePacket } from "@portage/parser/engine";
import type { PendingCall } from "../../base/clock.ts";
import { isGone } from "../http/http2.ts";
import { OpenAnswer } from "../http/open-answer.ts";
import type { HttpExchange, TransportRequest } from "../http/request.ts";
import { kContext } from "../keys.ts";
import { COMPRESS, type PacketSendOptions } from "../outgoing/prepared-message.ts";
import { chunkOf, OWN_ID, SharedEvent } from "../outgoing/shared-event.ts";
import { closeError, type CloseReason, closeReason } from "../report/close-codes.ts";
import { type Refusal, refusalName, REFUSALS } from "../report/refusals.ts";
import type { TransportContext } from "./context.ts";
import { STREAM_HEADERS } from "./streamed-poll.ts";
import { Transport } from "./transport.ts";

// Private members. Symbols, not `#private`, so that proxies and `Object.create()` work.
const kRes = Symbol("res");
const kOpenAnswer = Symbol("openAnswer");
const kBegin = Symbol("begin");
const kSendHead = Symbol("sendHead");
const kWriteEvents = Symbol("writeEvents");
const kWriteEvent = Symbol("writeEvent");
const kWriteInParts = Symbol("writeInParts");
const kOnClosed = Symbol("onClosed");
const kOnFlushed = Symbol("onFlushed");
const kTimer = Symbol("timer");
const kDelay = Symbol("delay");

/** Most milliseconds for the client to read the last event. */
const LAST_EVENT_TIMEOUT = 10_000;

/** Events up to this size are copied for each stream that writes its id into them; longer ones are written in parts. */
const LONGEST_COPY = 8192;

const PING = new SharedEvent(":\n");
const PONG = new EnginePacket("pong", undefined, COMPRESS);

/** The least delay of a client that was refused, in milliseconds. */
const LEAST_RETRY = 1000;

/** The delay of clients whose server has closed, in milliseconds: like that of a client of Socket.IO. */
const RETRY_AFTER_SHUTDOWN = 1000;

/** Returns the line that tells a client when to return: between the delay and its double, so that not all come at once. */
function retryLine(delay: number): string {
  return `retry: ${Math.round(delay * (1 + Math.random()))}\n`;
}

/** Returns a message that is not an event of the layer above. A line break would end its line. */
function plainEvent({ data = "" }: EnginePacket): SharedEvent {
  if (typeof data !== "string") return new SharedEvent(`event: binary\ndata: ${data.toString("base64")}\n`);
  const lines = data.split(/\r\n|\r|\n/);
  return new SharedEvent(lines.map((line) => `data: ${line}\n`).join(""));
}

/** Returns what a client gets of a packet, if anything. */
function carriedEvent(packet: EnginePacket): SharedEvent | undefined {
  if (packet.type === "ping") return PING;
  if (packet.type !== "message") return undefined;
  const { shared } = packet.options as PacketSendOptions;
  return shared instanceof SharedEvent ? shared : plainEvent(packet);
}

/** Answers a refused handshake by an event, if the client should return. */
export function refuseByEvent(res: ServerResponse, refusal: Refusal): boolean {
  const { retryAfter } = refusal;
  if (retryAfter === undefined) return false;
  const code = refusalName(refusal);
  const data = JSON.stringify({ code, message: REFUSALS[code].message, retryAfter });
  res.writeHead(200, STREAM_HEADERS);
  res.end(`${retryLine(Math.max(retryAfter, LEAST_RETRY))}event: refused\ndata: ${data}\n\n`);
  return true;
}

const inForm = ({ form }: OpenAnswer, event: SharedEvent): Buffer => (form === "chunk" ? event.chunk : event.bytes);

/** One `text/event-stream`. */
export class EventStreamTransport extends Transport {
  readonly name = "sse";
  override readonly protocol = 4;
  readonly [kContext]: TransportContext;
  /** The id that completes the ids of shared events; undefined if clients can't resume. */
  streamId: string | undefined = undefined;
  private [kRes]: ServerResponse | undefined = undefined;
  /** Defined once the head is written. */
  private [kOpenAnswer]: OpenAnswer | undefined = undefined;
  // Absent on most streams, to keep them small.
  declare private [kTimer]?: PendingCall;
  declare private [kDelay]?: number | undefined;

  constructor(req: TransportRequest, context: TransportContext) {
    super(req);
    this[kContext] = context;
  }

  override get bufferedBytes(): number {
    return this[kOpenAnswer]?.bufferedBytes ?? 0;
  }

  override onRequest({ res }: HttpExchange): void {
    // Admission lets no second request through.
    if (this[kRes] !== undefined) return void res.destroy();
    this[kRes] = res;
    res.on("close", () => this[kOnClosed]());
    if (isGone(res)) return this.ended(closeReason("CONNECTION_CLOSED"));
    this.writable = this.readyState === "open";
    if (this.writable) this.drained();
  }

  // ---- outgoing ----------------------------------------------------------------------------------------------------

  override send(batch: readonly EnginePacket[]): void {
    const events: SharedEvent[] = [];
    let pings = 0;
    for (const packet of batch) {
      if (packet.type === "ping") pings += 1;
      const event = carriedEvent(packet);
      if (event !== undefined) events.push(event);
    }
    // The head needs no data of an open packet.
    const answer = events.length > 0 ? this[kBegin]() : undefined;
    if (answer !== undefined) {
      this[kWriteEvents](answer, events);
      this.writable = this.readyState === "open" && !answer.isFull;
      if (!this.writable) answer.whenDrained(() => this[kOnFlushed]());
    }
    this.drained();
    // The answer to a pipelined request does not close with its connection, if that ends before its turn.
    if (pings > 0 && this[kRes] !== undefined && isGone(this[kRes])) return this[kOnClosed]();
    // A page can't answer a ping. A page that reads nothing gets no further ping, and its session ends for lack of one.
    while (pings-- > 0 && this.readyState === "open") this.onPacket(PONG);
  }

  private [kWriteEvents](answer: OpenAnswer, events: readonly SharedEvent[]): void {
    const event = events.length === 1 ? events[0] : SharedEvent.join(events);
    if (event !== undefined) return this[kWriteEvent](answer, event);
    answer.cork();
    for (const each of events) this[kWriteEvent](answer, each);
    answer.flush();
  }

  private [kWriteEvent](answer: OpenAnswer, event: SharedEvent): void {
    const { streamId } = this;
    if (!event.hasOwnId) return answer.write(inForm(answer, event));
    if (streamId?.length !== OWN_ID.length) {
      const bytes = event.bytesFor(streamId);
      return answer.write(answer.form === "chunk" ? chunkOf(bytes) : bytes);
    }
    const data = inForm(answer, event);
    if (data.length > LONGEST_COPY) return this[kWriteInParts](answer, data, event.idsIn(data));
    const copy = Buffer.allocUnsafe(data.length);
    data.copy(copy);
    for (const at of event.idsIn(data)) copy.write(streamId, at, OWN_ID.length, "latin1");
    answer.write(copy);
  }

  /** Writes data without copying it; only the stream's own ids are. */
  private [kWriteInParts](answer: OpenAnswer, data: Buffer, ids: readonly number[]): void {
    const id = Buffer.from(this.streamId ?? "", "latin1");
    let start = 0;
    answer.cork();
    for (const at of ids) {
      answer.write(data.subarray(start, at));
      answer.write(id);
      start = at + OWN_ID.length;
    }
    answer.write(data.subarray(start));
    answer.flush();
  }

  private [kOnFlushed](): void {
    if (this.readyState !== "open" || this.writable) return;
    this.writable = true;
    this.drained();
  }

  /** Writes the head, once. Returns undefined if the answer can't begin. */
  private [kBegin](): OpenAnswer | undefined {
    const { [kRes]: res } = this;
    if (this[kOpenAnswer] === undefined && res !== undefined && this[kSendHead](res))
      this[kOpenAnswer] = new OpenAnswer(res);
    return this[kOpenAnswer];
  }

  /** Returns false if the headers are invalid, which ends the transport. */
  private [kSendHead](res: ServerResponse): boolean {
    if (res.headersSent || isGone(res)) return false;
    const headers = { ...STREAM_HEADERS };
    this[kContext].addHeaders(headers, res.req, this.sid);
    try {
      res.writeHead(200, headers);
      return true;
    } catch (error) {
      // An invalid header, probably copied from the request by a `headers` listener.
      res.destroy();
      this.ended(closeError("INVALID_HEADERS", "invalid header", error));
      return false;
    }
  }

  /** Answers with another status, and ends. Does nothing after the head has left. */
  refuse(status: number, body: string): void {
    const { [kRes]: res } = this;
    if (this[kOpenAnswer] !== undefined || res === undefined || res.headersSent || isGone(res)) return;
    res.writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store" });
    res.end(body);
  }

  // ---- the end -----------------------------------------------------------------------------------------------------

  override close(onClosed?: () => void, reason?: CloseReason): void {
    if (this.readyState !== "open") return;
    if (reason === undefined) return this.endedByProgram(onClosed);
    this[kDelay] = this[kContext].retryAfter() ?? reason.retryAfter;
    if (reason.code === "SERVER_SHUTDOWN") this[kDelay] ??= RETRY_AFTER_SHUTDOWN;
    this.endedByOwner(onClosed);
  }

  override discard(): void {
    this[kRes]?.destroy();
    this.ended(closeReason("TRANSPORT_CLOSED"));
  }

  private [kOnClosed](): void {
    this[kTimer]?.cancel();
    this[kContext].closing.delete(this);
    this.ended(closeReason("CONNECTION_CLOSED"));
  }

  protected override ended(reason: CloseReason): void {
    if (this.readyState === "closed") return;
    super.ended(reason);
    const { [kRes]: res } = this;
    if (res === undefined || res.writableEnded || isGone(res)) return;
    const answer = this[kBegin]();
    if (this[kDelay] !== undefined) answer?.write(inForm(answer, new SharedEvent(retryLine(this[kDelay]))));
    res.end();
    this[kContext].closing.add(this);
    this[kTimer] = this[kContext].clock.after(LAST_EVENT_TIMEOUT, () => res.destroy());
  }
}
