/*
 * Long-polling: a GET half (poll.ts), a POST half (post.ts), and their common end.
 * Knows: HTTP exchanges, payloads, the context of the engine.
 * Must not know: sockets and their streams, sessions.
 *
 *   GET   ->  kPoll set, `writable`        POST  ->  kPost set
 *         <-  send() answers; kPoll empty        <-  packets delivered, "ok"; kPost empty
 *
 * Between calls, at most one poll and one POST are pending, and `writable` implies a waiting poll. Packets leave only as
 * the response to a poll, so `bufferedBytes` is 0 and everything else stays in the session's queue. A transport that is
 * closing waits for a poll that can carry its close packet; a retiring one waits for its POST. `polling-life.ts` lists both.
 *
 * Overlapping requests would break the order of packets, so the second one ends the transport. A `writable` left true after
 * its poll has gone would lose a batch.
 */
import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import { encodePayloadV4, type EnginePacket, type RawData } from "@portage/parser/engine";
import { encodePayloadV3 } from "@portage/parser/engine-v3";
import { kObserved } from "../../base/emitter.ts";
import { isGone } from "../http/http2.ts";
import type { HttpExchange, TransportRequest } from "../http/request.ts";
import {
  kWriteAnswer,
  kAnswerPoll,
  kContext,
  kOnBody,
  kOnPollWritable,
  kOnPosted,
  kOnPostEnd,
  kPostReceipt,
} from "../keys.ts";
import { CLOSE_CODES, closeError, closeReason, type CloseReason, isMove } from "../report/close-codes.ts";
import type { TransportContext } from "./context.ts";
import { deliverPayload, type PayloadReceiver, readPayload } from "./payload-delivery.ts";
import { mostPackets, Poll, type PollLoss, type PollOwner } from "./poll.ts";
import { type PendingEnd, POLLING_LIFE, type PollingPhase, type PollingSignal } from "./polling-life.ts";
import { hasBytes, Post, type PostEnd, type PostOwner } from "./post.ts";
import { isEmptyNoop, preludeOf, STREAM_HEADERS, StreamedPoll, type StreamOwner } from "./streamed-poll.ts";
import { CLOSE_PACKET, closePacket, NOOP_PACKET, Transport } from "./transport.ts";

// Private members. Symbols, not `#private`, so that proxies and `Object.create()` work.
const kMaxBatch = Symbol("maxBatch");
const kReadsReasons = Symbol("readsReasons");
const kPoll = Symbol("poll");
const kPost = Symbol("post");
const kPendingEnd = Symbol("pendingEnd");
const kRefusedPost = Symbol("refusedPost");
const kPollingPhase = Symbol("pollingPhase");
const kSignal = Symbol("signal");
const kStartEndTimer = Symbol("startEndTimer");
const kOnPoll = Symbol("onPoll");
const kOnPost = Symbol("onPost");
const kEndAfterRefusedPost = Symbol("endAfterRefusedPost");
const kCloseWord = Symbol("closeWord");
const kSendClose = Symbol("sendClose");
const kReleasePoll = Symbol("releasePoll");
const kWriteHead = Symbol("writeHead");
const kSendLastPacket = Symbol("sendLastPacket");
const kRefuseRequest = Symbol("refuseRequest");

/**
 * Most milliseconds that a closing transport waits for a poll to answer with its close packet. A live client polls again at
 * once. A later poll is answered with "Session ID unknown", after which clients reconnect, too.
 */
const LAST_POLL_TIMEOUT = 10_000;

/** Milliseconds after the close packet of a session that moves: POSTs that were on their way are delivered. */
const LAST_POST_TIMEOUT = 1000;

/** Most milliseconds for the last POST after an upgrade; the new transport is paused meanwhile. */
const RETIRE_TIMEOUT = 5_000;

/** Browsers with a content filter that must be switched off. */
const LEGACY_BROWSER = /;MSIE|Trident\//;

const POLL_LOSSES: Readonly<Record<PollLoss, string>> = {
  POLL_ABORTED: "poll connection closed prematurely",
  POLL_LOST: "poll connection broke inside its answer",
};

/**
 * HTTP long-polling (Engine.IO protocol, "HTTP long-polling"): outgoing packets answer a pending GET, incoming packets
 * arrive in POST bodies. At most one GET and one POST may be pending.
 */
export class PollingTransport extends Transport implements PollOwner, StreamOwner, PostOwner {
  static override readonly upgradesTo: readonly string[] = ["webtransport", "websocket"];

  readonly name: string = "polling";
  readonly [kContext]: TransportContext;
  private readonly [kMaxBatch]: number;
  /** Whether the client reads reasons in close packets (`?reasons=1`). */
  private readonly [kReadsReasons]: boolean;
  /** The GET half: a poll that is waiting or being answered. */
  private [kPoll]: Poll | StreamedPoll | undefined;
  /** The POST half: a POST that is being read or delivered. */
  private [kPost]: Post | undefined;
  private [kPendingEnd]: PendingEnd | undefined;
  /** The last POST, if it was too large and no packet has arrived since. Absent otherwise, to keep idle sessions small. */
  declare private [kRefusedPost]?: PostEnd["refused"] | undefined;

  constructor(req: TransportRequest, context: TransportContext) {
    super(req);
    this[kContext] = context;
    this[kReadsReasons] = req._query["reasons"] === "1";
    this[kMaxBatch] = mostPackets(req, context);
  }

  override get maxBatch(): number {
    const { [kPoll]: poll, [kMaxBatch]: most } = this;
    return poll instanceof StreamedPoll ? most - poll.sent : most;
  }

  override get bufferedBytes(): number {
    const { [kPoll]: poll } = this;
    return poll instanceof StreamedPoll ? poll.bufferedBytes : 0;
  }

  override onRequest(exchange: HttpExchange): void {
    const { method } = exchange.req;
    // A listener has ended the session before its first request got here.
    if (this.readyState === "closed") this[kRefuseRequest](exchange.res, 400, "the session has ended");
    else if (method === "GET") this[kOnPoll](exchange);
    else if (method === "POST") this[kOnPost](exchange);
    else this[kRefuseRequest](exchange.res, 405, "a session accepts only GET and POST", { Allow: "GET, POST" });
  }

  // ---- polls -------------------------------------------------------------------------------------------------------

  private [kOnPoll](exchange: HttpExchange): void {
    if (this[kPoll]) {
      this[kRefuseRequest](exchange.res, 400, CLOSE_CODES.OVERLAPPING_POLL.message);
      return this.ended(closeError("OVERLAPPING_POLL", "overlap from client"));
    }
    const prelude = this.canStream ? preludeOf(exchange.req) : undefined;
    if (prelude === undefined) this[kPoll] = new Poll(this, exchange);
    else if (this[kWriteHead](exchange.res, 200, { ...STREAM_HEADERS })) {
      this[kPoll] = new StreamedPoll(this, exchange, prelude);
    } else return;
    this.writable = true;
    this[kSignal]("polled");
  }

  /** Whether a client may ask for answers that go on. */
  protected get canStream(): boolean {
    return this.protocol === 4 && this[kContext].streaming;
  }

  override send(batch: readonly EnginePacket[]): void {
    const poll = this[kPoll];
    if (!poll || !this.writable) return;
    if (poll instanceof StreamedPoll) {
      poll.send(batch, this[kMaxBatch]);
      if (poll.isOver && this[kPoll] === poll) this[kPoll] = undefined;
      this.writable = this.readyState === "open" && this[kPoll] !== undefined && !poll.isFull;
      return this.drained();
    }
    this.writable = false;
    const payload = this.protocol === 4 ? encodePayloadV4(batch) : encodePayloadV3(batch, this.supportsBinary);
    if (typeof payload === "string") poll.answer(this.textType, this.formatBody(payload), batch);
    else poll.answer("application/octet-stream", payload, batch);
  }

  [kAnswerPoll](poll: Poll, headers: OutgoingHttpHeaders, body: RawData): void {
    this[kPoll] = undefined;
    this[kWriteAnswer](poll.res, 200, headers, body);
    this.drained();
  }

  [kOnPollWritable](poll: StreamedPoll): void {
    if (this[kPoll] !== poll) return;
    this.writable = true;
    this[kSignal]("polled");
  }

  /** Ends a pending poll. A streamed one takes its last packet even while its client does not read. */
  private [kReleasePoll](): void {
    if (this[kPoll] instanceof StreamedPoll) this.writable = true;
    this.send([NOOP_PACKET]);
  }

  /** Ends the transport after a failed poll, because its packets are lost; a forgotten one had none. */
  pollClosed(poll: Poll | StreamedPoll, loss: PollLoss | "forgotten"): void {
    if (this[kPoll] === poll) {
      this[kPoll] = undefined;
      this.writable = false;
    }
    if (loss === "forgotten") return;
    if (this[kPollingPhase] === "moved") return this.discard();
    if (this[kEndAfterRefusedPost]()) return;
    this.ended(closeError(loss, POLL_LOSSES[loss]));
  }

  /** Ends the transport with the right reason if a client leaves right after its POST was refused as too large. */
  private [kEndAfterRefusedPost](): boolean {
    const refused = this[kRefusedPost];
    if (!refused) return false;
    const why = closeError("PAYLOAD_TOO_LARGE", "the client has left after a POST that is too large");
    this.ended({ ...why, ...refused });
    return true;
  }

  // ---- posts -------------------------------------------------------------------------------------------------------

  private [kOnPost](exchange: HttpExchange): void {
    if (this[kPost]) {
      this[kRefuseRequest](exchange.res, 400, CLOSE_CODES.OVERLAPPING_POST.message);
      return this.ended(closeError("OVERLAPPING_POST", "data request overlap from client"));
    }
    if (this.protocol === 4 && hasBytes(exchange.req)) {
      this[kRefuseRequest](exchange.res, 400, CLOSE_CODES.INVALID_CONTENT.message);
      return this.ended(closeError("INVALID_CONTENT", "invalid content"));
    }
    this[kPost] = new Post(this, exchange);
    this[kPost].start();
  }

  [kOnBody](body: RawData, receiver: PayloadReceiver): void {
    this.onPayload(body, receiver);
  }

  /** Delivers the packets of one POST. JSONP overrides it to decode its form first. */
  protected onPayload(body: RawData, receiver: PayloadReceiver): void {
    deliverPayload(readPayload(body, this.protocol, this[kContext].maxPayloadPackets), receiver);
  }

  [kOnPosted](packet: EnginePacket): boolean {
    if (this.readyState === "closed") return false;
    if (packet.type === "close") {
      this[kReleasePoll]();
      if (!this[kEndAfterRefusedPost]()) this.ended(closeReason("CLIENT_CLOSED"));
      return false;
    }
    if (this[kRefusedPost]) this[kRefusedPost] = undefined;
    // The client misses packets: something on the way holds the answer back.
    if (isEmptyNoop(packet) && this[kPoll] instanceof StreamedPoll) this[kReleasePoll]();
    this.onPacket(packet);
    return true;
  }

  /** The answer to a POST: with a streamed poll, it says how many packets were sent on that. */
  get [kPostReceipt](): string {
    const { [kPoll]: poll } = this;
    return poll instanceof StreamedPoll ? `ok ${poll.sent}` : "ok";
  }

  [kOnPostEnd]({ why, refused }: PostEnd): void {
    this[kPost] = undefined;
    if (refused) this[kRefusedPost] = refused;
    if (why) this.ended(why);
    this[kSignal]("posted");
  }

  // ---- the end -----------------------------------------------------------------------------------------------------

  private get [kPollingPhase](): PollingPhase {
    return this.readyState === "closed" ? "closed" : (this[kPendingEnd]?.phase ?? this.readyState);
  }

  private [kSignal](signal: PollingSignal): void {
    switch (POLLING_LIFE[this[kPollingPhase]][signal]) {
      case "drain":
        return this.drained();
      case "send close":
        return this[kSendLastPacket]();
      case "repeat close":
        return this[kSendClose](this[kPendingEnd]?.why);
      case "end":
        return this.discard();
      case "ignore":
        return;
    }
  }

  private [kStartEndTimer](leaving: PendingEnd, ms: number): void {
    leaving.timer?.cancel();
    leaving.timer = this[kContext].clock.after(ms, () => this[kSignal]("timeout"));
  }

  override close(onClosed?: () => void, reason?: CloseReason): void {
    if (this.readyState !== "open") return;
    if (reason === undefined) return this.endedByProgram(onClosed);
    this.readyState = "closing";
    const leaving: PendingEnd = { phase: "closing", done: onClosed, why: reason, timer: undefined };
    this[kPendingEnd] = leaving;
    if (!isMove(reason)) this[kPost]?.abort();
    // Without a callback, ends at once instead of waiting for a poll.
    if (this.writable || !onClosed) this[kSendLastPacket]();
    else this[kStartEndTimer](leaving, LAST_POLL_TIMEOUT);
  }

  private [kSendLastPacket](): void {
    const { [kPendingEnd]: leaving } = this;
    this[kSendClose](leaving?.why);
    if (!leaving?.done || !leaving.why || !isMove(leaving.why)) return this.endedByOwner(leaving?.done);
    leaving.phase = "moved";
    this[kStartEndTimer](leaving, LAST_POST_TIMEOUT);
  }

  private [kSendClose](reason: CloseReason | undefined): void {
    if (this.writable) this.send([this[kCloseWord](reason)]);
  }

  private [kCloseWord](reason: CloseReason | undefined): EnginePacket {
    return this[kReadsReasons] ? closePacket(reason, this[kContext].retryAfter()) : CLOSE_PACKET;
  }

  override discard(): void {
    if (this.readyState === "closing") this.endedByOwner(this[kPendingEnd]?.done);
    else this.ended(closeReason("TRANSPORT_CLOSED"));
  }

  override retire(done: () => void): void {
    this[kReleasePoll]();
    if (this.readyState !== "open" || !this[kPost]) {
      this.discard();
      return done();
    }
    this[kPendingEnd] = { phase: "retiring", done, why: undefined, timer: undefined };
    this[kStartEndTimer](this[kPendingEnd], RETIRE_TIMEOUT);
  }

  /** Ends the transport for any reason: answers a pending poll with a close packet, and aborts a POST. */
  protected override ended(reason: CloseReason): void {
    if (this.readyState === "closed") return;
    const retired = this[kPollingPhase] === "retiring" ? this[kPendingEnd]?.done : undefined;
    const isPolled = this.writable;
    this[kPost]?.abort();
    this[kPendingEnd]?.timer?.cancel();
    super.ended(reason);
    // The owner may have dropped the poll: its session goes on.
    const { [kPoll]: poll } = this;
    if (poll instanceof StreamedPoll) poll.leave(this[kCloseWord](this[kPendingEnd]?.why ?? reason));
    this.writable = isPolled && poll instanceof Poll;
    this[kSendClose](reason);
    retired?.();
  }

  override drop(): void {
    const { [kPoll]: poll } = this;
    this[kPoll] = undefined;
    this.writable = false;
    super.drop();
    poll?.cut();
  }

  // ---- answers -----------------------------------------------------------------------------------------------------

  /** The content type of a text payload. */
  protected get textType(): string {
    return "text/plain; charset=UTF-8";
  }

  /** Adds headers about the content type. */
  protected addTypeOptions(_headers: OutgoingHttpHeaders): void {}

  /** Formats a text payload. JSONP overrides it. */
  protected formatBody(payload: string): string {
    return payload;
  }

  private [kRefuseRequest](
    res: ServerResponse,
    status: number,
    message: string,
    headers: OutgoingHttpHeaders = {},
  ): void {
    this[kWriteAnswer](res, status, { "Content-Type": "application/json", ...headers }, JSON.stringify({ message }));
  }

  [kWriteAnswer](res: ServerResponse, status: number, headers: OutgoingHttpHeaders, body: RawData): void {
    if (res.headersSent || isGone(res)) return;
    const length = Buffer.byteLength(body);
    headers["Content-Length"] = length;
    headers["cache-control"] = "no-store";
    if (!this[kWriteHead](res, status, headers)) return;
    // Node encodes Latin-1 faster than UTF-8, and ASCII is both.
    if (body.length === length) res.end(body, "latin1");
    else res.end(body);
  }

  /** Returns false if the headers are invalid, which ends the transport. */
  private [kWriteHead](res: ServerResponse, status: number, headers: OutgoingHttpHeaders): boolean {
    this.addTypeOptions(headers);
    const { req } = res as ServerResponse<TransportRequest>;
    if (LEGACY_BROWSER.test(req.headers["user-agent"] ?? "")) headers["X-XSS-Protection"] = "0";
    if (this[kObserved]) this.emit("headers", headers, req);
    this[kContext].addHeaders(headers, req, this.sid);
    try {
      res.writeHead(status, headers);
    } catch (error) {
      // An invalid header, probably copied from the request by a `headers` listener.
      res.destroy();
      this.ended(closeError("INVALID_HEADERS", "invalid header", error));
      return false;
    }
    return true;
  }
}
