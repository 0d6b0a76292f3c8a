import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import { encodePayloadV4, type EnginePacket, type RawData } from "@portage/parser/engine";
import { encodePayloadV3 } from "@portage/parser/engine-v3";
import type { Timer } from "../../base/clock.ts";
import { CLOSE_CODES, closeError, closeReason, type CloseCode, type CloseReason } from "../report/close-codes.ts";
import { REFUSALS } from "../report/refusals.ts";
import { brokeOff, hangUpAfter, isGone } from "../http/http2.ts";
import { compressBody, type HttpCompression, thresholdOf } from "../http/compression.ts";
import type { EngineLimits } from "./polling-context.ts";
import { CLOSE_PACKET, closePacket, NOOP_PACKET, Transport } from "./transport.ts";
import type { HttpExchange, TransportRequest } from "../http/request.ts";
import { BodyReader, type UploadFailure } from "./body-reader.ts";
import { deliverPayload, payloadFailure, readPayload } from "./payload-delivery.ts";
import { kObserved } from "../../base/emitter.ts";

// Private members. Symbols, not `#private`, so that proxies and `Object.create()` work.
const kLimits = Symbol("limits");
const kMaxBatch = Symbol("maxBatch");
const kReadsReasons = Symbol("readsReasons");
const kPoll = Symbol("poll");
const kPost = Symbol("post");
const kCloseTimer = Symbol("closeTimer");
const kOnClosed = Symbol("onClosed");
const kWhy = Symbol("why");
const kOnPostDone = Symbol("onPostDone");
const kOnPoll = Symbol("onPoll");
const kOnPost = Symbol("onPost");
const kExplain = Symbol("explain");
const kFail = Symbol("fail");
const kFinish = Symbol("finish");
const kAnswered = Symbol("answered");
const kWrite = Symbol("write");
const kAnswerPoll = Symbol("answerPoll");
const kWriteCompressed = Symbol("writeCompressed");
const kAnswer = Symbol("answer");
const kOnBody = Symbol("onBody");
const kRefuseBody = Symbol("refuseBody");
const kRefused = Symbol("refused");
const kAnswerLast = Symbol("answerLast");
const kGiveUpPost = Symbol("giveUpPost");
const kOnPacket = Symbol("onPacket");
const kOnClosePacket = Symbol("onClosePacket");
const kSendClose = Symbol("sendClose");
const kLeftRefused = Symbol("leftRefused");

/**
 * How long a closing transport waits for a poll that it can answer with its last packets, in milliseconds. A client that is
 * there polls again at once; one that does it later learns that its session is unknown, and comes back as well.
 */
const CLOSE_TIMEOUT = 10_000;

/** How long a POST may go on once another transport has taken over, which is held back meanwhile, in milliseconds. */
const RETIRE_TIMEOUT = 5_000;

/** Browsers that guess at content and must be told not to filter it. */
const LEGACY_BROWSER = /;MSIE|Trident\//;

/** Where the shared listener finds the transport that a response belongs to: waiting polls need no closure each. */
const POLLED = Symbol("Polling");
type PollResponse = ServerResponse & { [POLLED]?: Polling };

function onPollClosed(this: PollResponse): void {
  this[POLLED]?.pollClosed(this);
}

/** Clients that refuse a payload of more than 16 packets, all of it: python-engineio, over requests and over aiohttp. */
const CAPPED_CLIENT = /^python-|\baiohttp\//i;
const CAP = 16;

/**
 * HTTP long-polling (Engine.IO protocol, "HTTP long-polling"): packets for the peer answer its waiting GET, those from
 * the peer arrive as POST bodies. At most one of each may be under way.
 */
export class Polling extends Transport {
  static override readonly upgradesTo: readonly string[] = ["websocket"];

  readonly name: string = "polling";
  private readonly [kLimits]: EngineLimits;
  private readonly [kMaxBatch]: number;
  /** Whether the client asks for the reason of a close packet: others know the bare one alone. */
  private readonly [kReadsReasons]: boolean;
  /** The GET that waits for packets, or whose answer is being made. */
  private [kPoll]: HttpExchange | undefined;
  /** The POST that is being read. */
  private [kPost]: BodyReader | undefined;
  /** Runs while a closing transport waits for a last poll, or a retiring one for the end of its POST. */
  private [kCloseTimer]: Timer | undefined;
  /** Who wants to know that the transport has closed as ordered. */
  private [kOnClosed]: (() => void) | undefined;
  /** Why it is closed. */
  private [kWhy]: CloseReason | undefined;
  /** A POST that was too large, while no packet has come since. Added when needed: idle sessions are many. */
  declare private [kRefused]?: { readonly limit: number; readonly actual: number } | undefined;
  /** What to do once the POST under way is done; set while retiring. */
  private [kOnPostDone]: (() => void) | undefined;

  constructor(req: TransportRequest, limits: EngineLimits) {
    super(req);
    this[kLimits] = limits;
    this[kReadsReasons] = req._query["reasons"] === "1";
    this[kMaxBatch] = limits.maxPollPackets ?? (CAPPED_CLIENT.test(req.headers["user-agent"] ?? "") ? CAP : Infinity);
  }

  override get maxBatch(): number {
    return this[kMaxBatch];
  }

  override get bufferedBytes(): number {
    return 0;
  }

  override onRequest(exchange: HttpExchange): void {
    const { req, res } = exchange;
    if (req.method === "GET") this[kOnPoll](exchange);
    else if (req.method === "POST") this[kOnPost](exchange);
    else this[kExplain](res, 405, "a session takes GET and POST only", { Allow: "GET, POST" });
  }

  // ---- polls -------------------------------------------------------------------------------------------------------

  private [kOnPoll](exchange: HttpExchange): void {
    if (this[kPoll]) {
      this[kExplain](exchange.res, 400, CLOSE_CODES.OVERLAPPING_POLL.message);
      return this[kFail]("OVERLAPPING_POLL", "overlap from client");
    }
    this[kPoll] = exchange;
    this.writable = true;
    const res: PollResponse = exchange.res;
    res[POLLED] = this;
    res.on("close", onPollClosed);
    if (this.readyState === "closing") this[kFinish]();
    else this.drained();
  }

  /** A poll that ends before its answer: the packets it would have carried have nowhere to go. */
  pollClosed(res: ServerResponse): void {
    if (this[kPoll]?.res !== res) return this[kAnswered](res);
    this[kPoll] = undefined;
    this.writable = false;
    if (!this[kLeftRefused]()) this[kFail]("POLL_ABORTED", "poll connection closed prematurely");
  }

  /** What clients do whose POST was refused: they drop their poll, or send a close packet and nothing before it. */
  private [kLeftRefused](): boolean {
    const refused = this[kRefused];
    if (!refused) return false;
    const why = closeError("PAYLOAD_TOO_LARGE", "the client has left after a POST that is too large");
    this.ended({ ...why, ...refused });
    return true;
  }

  /**
   * An answer whose connection broke before all of it had left the process has not arrived, and the session would go on with
   * a hole. A connection that breaks later says nothing: proxies reset theirs when they have read the answer.
   */
  private [kAnswered](res: ServerResponse): void {
    if (brokeOff(res)) this[kFail]("POLL_LOST", "poll connection broke inside its answer");
  }

  // hot path
  override send(batch: readonly EnginePacket[]): void {
    const poll = this[kPoll];
    if (!poll || !this.writable) return;
    this.writable = false;
    const { supportsBinary } = this;
    this[kWrite](poll, this.protocol === 4 ? encodePayloadV4(batch) : encodePayloadV3(batch, supportsBinary), batch);
  }

  private [kWrite](poll: HttpExchange, payload: RawData, batch: readonly EnginePacket[]): void {
    const body = typeof payload === "string" ? this.formatBody(payload) : payload;
    const headers: OutgoingHttpHeaders = {
      "Content-Type": typeof payload === "string" ? this.textType : "application/octet-stream",
    };
    const { httpCompression } = this[kLimits];
    if (!httpCompression || !mayCompress(batch) || Buffer.byteLength(body) < thresholdOf(httpCompression)) {
      return this[kAnswerPoll](poll, headers, body);
    }
    this[kWriteCompressed](poll, headers, body, httpCompression);
  }

  private [kWriteCompressed](
    poll: HttpExchange,
    headers: OutgoingHttpHeaders,
    body: RawData,
    options: boolean | Partial<HttpCompression>,
  ): void {
    compressBody(body, poll.req.headers["accept-encoding"], options, (encoding, compressed) => {
      if (encoding !== undefined) headers["Content-Encoding"] = encoding;
      this[kAnswerPoll](poll, headers, compressed);
    });
  }

  /** Until here the poll counted as open: one that is dropped while its answer is compressed has lost packets. */
  private [kAnswerPoll](poll: HttpExchange, headers: OutgoingHttpHeaders, body: RawData): void {
    if (this[kPoll] === poll) this[kPoll] = undefined;
    // The peer has gone and nobody has been told yet: these packets reach nobody, which must not pass unnoticed.
    if (isGone(poll.res)) return this[kFail]("POLL_ABORTED", "poll connection closed prematurely");
    this[kAnswer](poll.res, 200, headers, body);
    this.drained();
  }

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

  // ---- posts -------------------------------------------------------------------------------------------------------

  private [kOnPost](exchange: HttpExchange): void {
    const { req, res } = exchange;
    if (this[kPost]) {
      this[kExplain](res, 400, CLOSE_CODES.OVERLAPPING_POST.message);
      return this[kFail]("OVERLAPPING_POST", "data request overlap from client");
    }
    const isBinary = req.headers["content-type"] === "application/octet-stream";
    if (isBinary && this.protocol === 4) {
      this[kExplain](res, 400, CLOSE_CODES.INVALID_CONTENT.message);
      return this[kFail]("INVALID_CONTENT", "invalid content");
    }
    this[kPost] = new BodyReader(req, this[kLimits], {
      onBody: (body) => this[kOnBody](exchange, isBinary ? body : body.toString("utf8")),
      onTooLarge: (actual) => {
        this[kPost] = undefined;
        this[kRefuseBody](exchange, actual);
        this[kOnPostDone]?.();
      },
      onAborted: () => {
        this[kPost] = undefined;
        this[kOnPostDone]?.();
        this[kFail]("POST_ABORTED", "data request connection closed prematurely");
      },
      onGivenUp: (why) => this[kGiveUpPost](res, why),
    });
    this[kPost].start();
  }

  /** The rest of a POST is not waited for: what has come of it is no whole packet, so that the session can't go on. */
  private [kGiveUpPost](res: ServerResponse, why: UploadFailure): void {
    this[kPost] = undefined;
    const { message } = CLOSE_CODES[why];
    const limit = why === "POST_LATE" ? this[kLimits].postTimeout : this[kLimits].receiving.limit;
    this[kAnswerLast](res, why === "POST_LATE" ? 408 : 503, JSON.stringify({ message, limit }));
    this[kOnPostDone]?.();
    this.ended({ ...closeError(why, message), limit });
  }

  /** The session goes on: none of the body has been delivered, and the client may send its packets one by one. */
  private [kRefuseBody]({ req, res }: HttpExchange, actual: number): void {
    const { code, status, message } = REFUSALS.PAYLOAD_TOO_LARGE;
    const limit = this[kLimits].maxHttpBufferSize;
    this[kRefused] = { limit, actual };
    this[kAnswerLast](res, status, JSON.stringify({ code, message, limit }));
    this[kLimits].onRefused(req, { code, context: { name: "PAYLOAD_TOO_LARGE", limit, actual, sid: this.sid } });
  }

  /** Answers a POST whose rest is of no use. */
  private [kAnswerLast](res: ServerResponse, status: number, body: string): void {
    const headers = { "Content-Type": "application/json" };
    const hangUp = hangUpAfter(res, headers);
    this[kAnswer](res, status, headers, body);
    hangUp();
  }

  private [kOnBody]({ res }: HttpExchange, body: RawData): void {
    this.onPayload(body, () => {
      this[kPost] = undefined;
      // text/html is what old Internet Explorer needs to show no download dialog.
      this[kAnswer](res, 200, { "Content-Type": "text/html" }, "ok");
      this[kOnPostDone]?.();
    });
  }

  /** Takes the packets of one POST, then calls `done`; JSONP unwraps its form first. */
  protected onPayload(body: RawData, done: () => void): void {
    const { maxPayloadPackets } = this[kLimits];
    deliverPayload(readPayload(body, this.protocol, maxPayloadPackets), {
      // What stands before a mistake was sent in good faith.
      onPacket: (packet) => this[kOnPacket](packet),
      onDelivered: (failure) => {
        if (failure !== undefined) this.ended(payloadFailure(failure, maxPayloadPackets));
        done();
      },
    });
  }

  private [kOnPacket](packet: EnginePacket): boolean {
    if (this.readyState === "closed") return false;
    if (packet.type === "close") {
      this[kOnClosePacket]();
      return false;
    }
    if (this[kRefused]) this[kRefused] = undefined;
    this.onPacket(packet);
    return true;
  }

  private [kOnClosePacket](): void {
    this.send([NOOP_PACKET]);
    if (!this[kLeftRefused]()) this.ended(closeReason("CLIENT_CLOSED"));
  }

  // ---- the end -----------------------------------------------------------------------------------------------------

  override close(onClosed?: () => void, reason?: CloseReason): void {
    if (this.readyState !== "open") return;
    if (reason === undefined) return this.endedByProgram(onClosed);
    this.readyState = "closing";
    this[kOnClosed] = onClosed;
    this[kWhy] = reason;
    this[kPost]?.abort();
    // Without anybody who waits for the end there is no use in waiting for a poll.
    if (this.writable || !onClosed) this[kFinish]();
    else this[kCloseTimer] = this[kLimits].clock.after(CLOSE_TIMEOUT, () => this[kFinish]());
  }

  private [kFinish](): void {
    this[kSendClose](this[kWhy]);
    this.endedByOwner(this[kOnClosed]);
  }

  private [kSendClose](reason: CloseReason | undefined): void {
    if (!this.writable) return;
    this.send([this[kReadsReasons] ? closePacket(reason, this[kLimits].retryAfter()) : CLOSE_PACKET]);
  }

  override discard(): void {
    if (this[kOnClosed] !== undefined) this.endedByOwner(this[kOnClosed]);
    else this.ended(closeReason("TRANSPORT_CLOSED"));
  }

  override retire(done: () => void): void {
    this.send([NOOP_PACKET]);
    this[kOnPostDone] = () => {
      this[kOnPostDone] = undefined;
      this.discard();
      done();
    };
    if (this[kPost]) this[kCloseTimer] = this[kLimits].clock.after(RETIRE_TIMEOUT, () => this[kOnPostDone]?.());
    else this[kOnPostDone]();
  }

  /** Whatever the reason: nothing of an ended transport goes on, and a poll that waits learns of the end. */
  protected override ended(reason: CloseReason): void {
    this[kSendClose](reason);
    this[kPost]?.abort();
    this[kCloseTimer]?.cancel();
    super.ended(reason);
  }

  private [kFail](code: CloseCode, message: string): void {
    this.ended(closeError(code, message));
  }

  // ---- answers -----------------------------------------------------------------------------------------------------

  private [kExplain](res: ServerResponse, status: number, message: string, headers: OutgoingHttpHeaders = {}): void {
    this[kAnswer](res, status, { "Content-Type": "application/json", ...headers }, JSON.stringify({ message }));
  }

  private [kAnswer](res: ServerResponse, status: number, headers: OutgoingHttpHeaders, body: RawData): void {
    if (res.headersSent || isGone(res)) return;
    const length = Buffer.byteLength(body);
    headers["Content-Length"] = length;
    headers["cache-control"] = "no-store";
    this.addTypeOptions(headers);
    const { req } = res as ServerResponse<TransportRequest>;
    if (LEGACY_BROWSER.test(req.headers["user-agent"] ?? "")) headers["X-XSS-Protection"] = "0";
    if (this[kObserved]) this.emit("headers", headers, req);
    this[kLimits].addHeaders(headers, req, this.sid);
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

function mayCompress(batch: readonly EnginePacket[]): boolean {
  for (const packet of batch) if (packet.options.compress) return true;
  return false;
}
