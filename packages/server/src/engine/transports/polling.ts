/*
 * Long-polling: a GET half (poll.ts) and a POST half (post.ts), and the life of both together.
 * Knows: exchanges of HTTP, payloads, the context of the engine.
 * Must not know: sockets and their streams, sessions.
 */
import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import { encodePayloadV4, type EnginePacket, type RawData } from "@portage/parser/engine";
import { encodePayloadV3 } from "@portage/parser/engine-v3";
import { kObserved } from "../../base/emitter.ts";
import type { Timer } from "../../base/clock.ts";
import { isGone } from "../http/http2.ts";
import type { HttpExchange, TransportRequest } from "../http/request.ts";
import { kWriteAnswer, kAnswerPoll, kContext, kOnBody, kOnPosted, kOnPostEnd } from "../keys.ts";
import { CLOSE_CODES, closeError, closeReason, type CloseReason } from "../report/close-codes.ts";
import type { TransportContext } from "./context.ts";
import { deliverPayload, type PayloadReceiver, readPayload } from "./payload-delivery.ts";
import { Poll, type PollLoss, type PollOwner } from "./poll.ts";
import { hasBytes, Post, type PostEnd, type PostOwner } from "./post.ts";
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
const kSendClose = Symbol("sendClose");
const kSendLastPacket = Symbol("sendLastPacket");
const kRefuseRequest = Symbol("refuseRequest");

/**
 * How long a closing transport waits for a poll that it can answer with its last packets, in milliseconds. A client that is
 * there polls again at once; one that does it later learns that its session is unknown, and comes back as well.
 */
const LAST_POLL_TIMEOUT = 10_000;

/** How long a POST may go on once another transport has taken over, which is held back meanwhile, in milliseconds. */
const RETIRE_TIMEOUT = 5_000;

/** Browsers that guess at content and must be told not to filter it. */
const LEGACY_BROWSER = /;MSIE|Trident\//;

/** Clients that refuse a payload of more than 16 packets, all of it: python-engineio, over requests and over aiohttp. */
const CAPPED_CLIENT = /^python-|\baiohttp\//i;
const PACKET_CAP = 16;

const POLL_LOSSES: Readonly<Record<PollLoss, string>> = {
  POLL_ABORTED: "poll connection closed prematurely",
  POLL_LOST: "poll connection broke inside its answer",
};

/**
 * Where long-polling stands in its life. `closing` and `retiring` wait for what the peer has under way.
 *
 * - `open`: packets go both ways
 * - `closing`: its owner has closed it, and the next poll carries the close packet
 * - `retiring`: another transport has taken over, and the POST under way is still to be delivered
 * - `closed`: it has ended
 */
export type PollingPhase = "open" | "closing" | "retiring" | "closed";

/** What may happen meanwhile: a poll has come, a POST is over, the time to wait is. */
export type PollingSignal = "polled" | "posted" | "timeout";

type PollingAction =
  /** Asks the owner for packets. */
  | "drain"
  /** Sends the close packet, if a poll can carry it, and ends as ordered. */
  | "say goodbye"
  /** Ends without a word. */
  | "leave"
  | "ignore";

/**
 * The life of a transport from the order to end it on. `close` leads from `open` to `closing`, `retire` to `retiring`; where
 * nothing is under way, what they would wait for happens at once. Discards and failures lead to `closed` from everywhere.
 */
export const POLLING_LIFE: Readonly<Record<PollingPhase, Readonly<Record<PollingSignal, PollingAction>>>> = {
  open: { polled: "drain", posted: "ignore", timeout: "ignore" },
  closing: { polled: "say goodbye", posted: "ignore", timeout: "say goodbye" },
  retiring: { polled: "drain", posted: "leave", timeout: "leave" },
  closed: { polled: "ignore", posted: "ignore", timeout: "ignore" },
};

/** What a transport that is closing or retiring has to do yet. */
interface PendingEnd {
  /** Called once it has closed as ordered, or has retired. */
  readonly done: (() => void) | undefined;
  /** Why it is closed. */
  readonly why: CloseReason | undefined;
  timer: Timer | undefined;
}

/**
 * HTTP long-polling (Engine.IO protocol, "HTTP long-polling"): packets for the peer answer its waiting GET, those from
 * the peer arrive as POST bodies. At most one of each may be under way.
 */
export class PollingTransport extends Transport implements PollOwner, PostOwner {
  static override readonly upgradesTo: readonly string[] = ["websocket"];

  readonly name: string = "polling";
  readonly [kContext]: TransportContext;
  private readonly [kMaxBatch]: number;
  /** Whether the client asks for the reason of a close packet: others know the bare one alone. */
  private readonly [kReadsReasons]: boolean;
  /** The GET half: a poll that waits for packets, or whose answer is being made. */
  private [kPoll]: Poll | undefined;
  /** The POST half: a POST that is being read or delivered. */
  private [kPost]: Post | undefined;
  private [kPendingEnd]: PendingEnd | undefined;
  /** A POST that was too large, while no packet has come since. Added when needed: idle sessions are many. */
  declare private [kRefusedPost]?: PostEnd["refused"] | undefined;

  constructor(req: TransportRequest, context: TransportContext) {
    super(req);
    this[kContext] = context;
    this[kReadsReasons] = req._query["reasons"] === "1";
    this[kMaxBatch] =
      context.maxPollPackets ?? (CAPPED_CLIENT.test(req.headers["user-agent"] ?? "") ? PACKET_CAP : Infinity);
  }

  override get maxBatch(): number {
    return this[kMaxBatch];
  }

  override get bufferedBytes(): number {
    return 0;
  }

  override onRequest(exchange: HttpExchange): void {
    const { method } = exchange.req;
    if (method === "GET") this[kOnPoll](exchange);
    else if (method === "POST") this[kOnPost](exchange);
    else this[kRefuseRequest](exchange.res, 405, "a session takes GET and POST only", { Allow: "GET, POST" });
  }

  // ---- polls -------------------------------------------------------------------------------------------------------

  private [kOnPoll](exchange: HttpExchange): void {
    if (this[kPoll]) {
      this[kRefuseRequest](exchange.res, 400, CLOSE_CODES.OVERLAPPING_POLL.message);
      return this.ended(closeError("OVERLAPPING_POLL", "overlap from client"));
    }
    this[kPoll] = new Poll(this, exchange);
    this.writable = true;
    this[kSignal]("polled");
  }

  override send(batch: readonly EnginePacket[]): void {
    const poll = this[kPoll];
    if (!poll || !this.writable) return;
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

  /** A poll is over before its time: the packets that it carried, or would have carried, have nowhere to go. */
  pollClosed(poll: Poll, loss: PollLoss): void {
    if (this[kPoll] === poll) {
      this[kPoll] = undefined;
      this.writable = false;
    }
    if (loss === "POLL_ABORTED" && this[kEndAfterRefusedPost]()) return;
    this.ended(closeError(loss, POLL_LOSSES[loss]));
  }

  /** What clients do whose POST was refused: they drop their poll, or send a close packet and nothing before it. */
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

  /** Delivers the packets of one POST; JSONP unwraps its form first. */
  protected onPayload(body: RawData, receiver: PayloadReceiver): void {
    deliverPayload(readPayload(body, this.protocol, this[kContext].maxPayloadPackets), receiver);
  }

  [kOnPosted](packet: EnginePacket): boolean {
    if (this.readyState === "closed") return false;
    if (packet.type === "close") {
      this.send([NOOP_PACKET]);
      if (!this[kEndAfterRefusedPost]()) this.ended(closeReason("CLIENT_CLOSED"));
      return false;
    }
    if (this[kRefusedPost]) this[kRefusedPost] = undefined;
    this.onPacket(packet);
    return true;
  }

  [kOnPostEnd]({ why, refused }: PostEnd): void {
    this[kPost] = undefined;
    if (refused) this[kRefusedPost] = refused;
    if (why) this.ended(why);
    this[kSignal]("posted");
  }

  // ---- the end -----------------------------------------------------------------------------------------------------

  private get [kPollingPhase](): PollingPhase {
    return this.readyState === "open" && this[kPendingEnd] ? "retiring" : this.readyState;
  }

  private [kSignal](signal: PollingSignal): void {
    switch (POLLING_LIFE[this[kPollingPhase]][signal]) {
      case "drain":
        return this.drained();
      case "say goodbye":
        return this[kSendLastPacket]();
      case "leave":
        return this.discard();
      case "ignore":
        return;
    }
  }

  private [kStartEndTimer](leaving: PendingEnd, ms: number): void {
    leaving.timer = this[kContext].clock.after(ms, () => this[kSignal]("timeout"));
  }

  override close(onClosed?: () => void, reason?: CloseReason): void {
    if (this.readyState !== "open") return;
    if (reason === undefined) return this.endedByProgram(onClosed);
    this.readyState = "closing";
    const leaving: PendingEnd = (this[kPendingEnd] = { done: onClosed, why: reason, timer: undefined });
    this[kPost]?.abort();
    // Without anybody who waits for the end there is no use in waiting for a poll.
    if (this.writable || !onClosed) this[kSendLastPacket]();
    else this[kStartEndTimer](leaving, LAST_POLL_TIMEOUT);
  }

  private [kSendLastPacket](): void {
    this[kSendClose](this[kPendingEnd]?.why);
    this.endedByOwner(this[kPendingEnd]?.done);
  }

  private [kSendClose](reason: CloseReason | undefined): void {
    if (!this.writable) return;
    this.send([this[kReadsReasons] ? closePacket(reason, this[kContext].retryAfter()) : CLOSE_PACKET]);
  }

  override discard(): void {
    if (this.readyState === "closing") this.endedByOwner(this[kPendingEnd]?.done);
    else this.ended(closeReason("TRANSPORT_CLOSED"));
  }

  override retire(done: () => void): void {
    this.send([NOOP_PACKET]);
    if (this.readyState !== "open" || !this[kPost]) {
      this.discard();
      return done();
    }
    this[kStartEndTimer]((this[kPendingEnd] = { done, why: undefined, timer: undefined }), RETIRE_TIMEOUT);
  }

  /** Whatever the reason: nothing of an ended transport goes on, and a poll that waits learns of the end. */
  protected override ended(reason: CloseReason): void {
    const retired = this[kPollingPhase] === "retiring" ? this[kPendingEnd]?.done : undefined;
    this[kSendClose](reason);
    this[kPost]?.abort();
    this[kPendingEnd]?.timer?.cancel();
    super.ended(reason);
    retired?.();
  }

  // ---- answers -----------------------------------------------------------------------------------------------------

  /** The content type of a text payload. */
  protected get textType(): string {
    return "text/plain; charset=UTF-8";
  }

  /** What browsers must know of the content of an answer; JSONP has it. */
  protected addTypeOptions(_headers: OutgoingHttpHeaders): void {}

  /** Wraps a text payload; JSONP does. */
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
    this.addTypeOptions(headers);
    const { req } = res as ServerResponse<TransportRequest>;
    if (LEGACY_BROWSER.test(req.headers["user-agent"] ?? "")) headers["X-XSS-Protection"] = "0";
    if (this[kObserved]) this.emit("headers", headers, req);
    this[kContext].addHeaders(headers, req, this.sid);
    try {
      res.writeHead(status, headers);
    } catch (error) {
      // A header that HTTP does not allow, most likely what a `headers` listener made of the peer's own words.
      res.destroy();
      return this.ended(closeError("INVALID_HEADERS", "invalid header", error));
    }
    // Node encodes Latin-1 faster than UTF-8, and ASCII is both.
    if (body.length === length) res.end(body, "latin1");
    else res.end(body);
  }
}
