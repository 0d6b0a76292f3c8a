/*
 * The front of forwarded exchanges: it has the client's connection, and another node has the session.
 *
 * Theory. `phase` follows core/front-table.ts; only `#signal` changes it. What holds between calls:
 * - Until the phase is `over`, the exchange is listed in the streams of its link, and counts as pending.
 * - The owner receives exactly one of ABORT, DONE and LOST, unless it has reset the stream or the link has closed.
 * - While bytes of the body wait for credit or for the link, the request is paused: at most one chunk waits here.
 * - Bytes of the answer that the client has not read are not credited to the owner: it stops after a window.
 *
 * An answer counts as DONE when its response has closed without an error of the connection, as the engine counts it for its own.
 */
import type { ServerResponse } from "node:http";
import { brokeOff, createLog, hangUpAfter, nextTurn, type TransportRequest } from "@portage/server/relay";
import { decodeCredit, encodeCredit, ReceiveCredit } from "../core/credit.ts";
import type { Frame } from "../core/frames.ts";
import { FRONT_TABLE, type FrontPhase, type FrontSignal } from "../core/front-table.ts";
import { type AnswerHead, decodeAnswer, type Decoded, encodeRequest, type RequestHead } from "../core/heads.ts";
import type { LinkEnd } from "../links/link.ts";
import { writeAnswerHead } from "./answer-writer.ts";
import { Outflow } from "./outflow.ts";
import { decodeReset, type ResetCode } from "../core/reset.ts";
import { type LinkStreams, StreamEnd } from "./streams.ts";

const log = createLog("portage:cluster");

/** A request and its response. */
export interface RequestAndResponse {
  readonly req: TransportRequest;
  readonly res: ServerResponse;
}

/** Why an answer never comes. */
export type AnswerLoss = LinkEnd | ResetCode;

/** The relay, as its exchanges see it. */
export interface FrontDesk {
  /** Whether this node leaves: clients should use other connections. */
  readonly isLeaving: boolean;
  /** The exchange is no longer pending. */
  onFrontOver(): void;
  /** Answers a request in place of its owner. */
  replace(exchange: FrontExchange, why: AnswerLoss): void;
  /** An owner has answered. */
  recordAnswer(exchange: FrontExchange, answer: Decoded<AnswerHead>): void;
}

/** Leads the shared listeners to the exchange, without closures per exchange. */
const EXCHANGE = Symbol("FrontExchange");
interface Led {
  [EXCHANGE]?: FrontExchange;
}

type DecodedAnswer = Decoded<AnswerHead>;

const NO_FIRST_BYTES = Buffer.alloc(0);

/** Returns the head of a request for its owner. Over HTTP/2 it has the form of HTTP/1.1. */
function requestHeadOf(req: TransportRequest, hasMore: boolean): RequestHead {
  const { socket, rawHeaders } = req;
  const isHttp2 = req.httpVersionMajor === 2;
  return {
    method: req.method ?? "",
    url: req.url ?? "",
    httpVersion: isHttp2 ? "1.1" : req.httpVersion,
    rawHeaders: isHttp2 ? withoutPseudoHeaders(req) : rawHeaders,
    peer: {
      address: socket.remoteAddress ?? "",
      port: socket.remotePort ?? 0,
      isEncrypted: "encrypted" in socket && socket.encrypted === true,
    },
    hasMore,
  };
}

function withoutPseudoHeaders({ rawHeaders, headers: { host } }: TransportRequest): string[] {
  const lines: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (!rawHeaders[i]!.startsWith(":")) lines.push(rawHeaders[i]!, rawHeaders[i + 1]!);
  }
  if (host !== undefined && !rawHeaders.includes("host")) lines.push("host", host);
  return lines;
}

/** A poll or a POST that another node answers. */
export class FrontExchange extends StreamEnd implements RequestAndResponse {
  readonly req: TransportRequest;
  readonly res: ServerResponse;
  readonly #desk: FrontDesk;
  /** The body of a POST, until it has been sent. */
  #body: Outflow | undefined;
  /** Created when the answer has more than its first bytes. */
  #credit: ReceiveCredit | undefined;
  #phase: FrontPhase = "sending";
  #head: "held" | "sent" = "held";
  #received = 0;
  /** Bytes of the answer that the client has not read. */
  #unread = 0;
  #loss: AnswerLoss = "destroyed";

  constructor(streams: LinkStreams, { req, res }: RequestAndResponse, desk: FrontDesk) {
    super(streams);
    this.req = req;
    this.res = res;
    this.#desk = desk;
  }

  get phase(): FrontPhase {
    return this.#phase;
  }

  /** Whether the owner may be asked again if it has not answered: a poll takes nothing along. */
  get isRepeatable(): boolean {
    return this.req.method === "GET" && !this.res.headersSent;
  }

  /** Sends the request, its body as it arrives. */
  start(): void {
    const { req, res } = this;
    // A poll that is placed again has the listener already.
    if (!(EXCHANGE in res)) res.on("close", onResponseClose);
    lead(res, this);
    if (req.method !== "POST") return this.#sendHead();
    this.#body = new Outflow();
    lead(req, this).on("data", onRequestData).on("end", onRequestEnd);
    // The body has mostly come with the head; if not, the owner is to know of the request all the same.
    nextTurn(sendHeldHead, this);
  }

  // ---- the body ----------------------------------------------------------------------------------------------------

  /** @internal */
  receive(chunk: Buffer): void {
    if (this.#phase !== "sending" || !this.#body) return;
    this.#received += chunk.length;
    this.#body.push(chunk);
    if (this.#received === Number(this.req.headers["content-length"])) this.#body.end();
    this.#send(this.#body);
  }

  /** @internal */
  complete(): void {
    if (this.#phase !== "sending" || !this.#body) return;
    this.#body.end();
    this.#send(this.#body);
  }

  /** @internal */
  sendHeldHead(): void {
    if (this.#phase === "sending" && this.#head === "held") this.#sendHead();
  }

  #sendHead(): void {
    const body = this.#body;
    const first = body === undefined || this.streams.isCongested ? NO_FIRST_BYTES : body.take();
    const hasMore = body?.isDone === false;
    const head = encodeRequest(requestHeadOf(this.req, hasMore));
    this.#head = "sent";
    // A program has changed the request to what HTTP forbids.
    if (!head) return this.#signal("reset");
    this.send("REQUEST", head, first);
    if (hasMore) this.#send(body);
    else this.#signal("sent");
  }

  /** Sends what the link and the owner take. */
  #send(body: Outflow): void {
    if (this.#head === "held") return this.#sendHead();
    while (body.queuedBytes > 0) {
      if (this.streams.isCongested) {
        this.waitForDrain();
        break;
      }
      const bytes = body.take();
      if (bytes.length === 0) break;
      this.send("DATA", bytes);
    }
    if (body.isDone) {
      this.send("FIN");
      this.#signal("sent");
    } else if (body.queuedBytes > 0) this.req.pause();
    else this.req.resume();
  }

  override onLinkDrain(): void {
    if (this.#phase === "sending" && this.#body) this.#send(this.#body);
  }

  // ---- frames ------------------------------------------------------------------------------------------------------

  override onFrame(frame: Frame): void {
    const { type, body } = frame;
    if (type === "ANSWER") return this.#onAnswer(body);
    if (type === "DATA") return this.#onData(body);
    if (type === "FIN") return this.#signal("fin");
    if (type === "RESET") return this.#onReset(body);
    if (type !== "CREDIT") return this.#fail(`${type} from an owner`);
    // Credit for a body that was dropped may be on its way.
    if (this.#body?.addCredit(decodeCredit(body)) === false || this.#received === 0)
      return this.#fail("an invalid credit");
    this.onLinkDrain();
  }

  #onData(body: Buffer): void {
    if (this.#credit?.receive(body.length) === false) return this.#fail("more bytes than its credit");
    this.#signal("data", body);
  }

  #onAnswer(body: Buffer): void {
    const answer = decodeAnswer(body);
    if (!answer) return this.#drop("it is malformed");
    if (answer.head.hasMore) {
      this.#credit = new ReceiveCredit();
      this.#credit.receive(answer.first.length);
    }
    this.#signal(answer.head.hasMore ? "begin" : "answer", answer);
  }

  #onReset(body: Buffer): void {
    const code = decodeReset(body);
    if (code === undefined) return this.#fail("an unknown code");
    this.#loss = code;
    this.#signal("reset");
  }

  override onLinkClose(end: LinkEnd): void {
    this.#loss = end;
    this.#signal("unlinked");
  }

  /** This node leaves: asks the owner to answer a held poll. */
  release(): void {
    this.#signal("leave");
  }

  /** @internal The response has closed. */
  closed(): void {
    this.#signal("closed");
  }

  // ---- phases ------------------------------------------------------------------------------------------------------

  #signal(signal: FrontSignal, input?: DecodedAnswer | Buffer): void {
    const wasEarly = this.#phase === "sending";
    const [next, action] = FRONT_TABLE[this.#phase][signal];
    const isOver = next === "over" && this.#phase !== "over";
    this.#phase = next;
    if (action === "abort") this.send("ABORT");
    else if (action === "report") this.send(brokeOff(this.res) ? "LOST" : "DONE");
    else if (action === "report loss" || action === "drop") this.send("LOST");
    if (isOver) this.#end();
    switch (action) {
      case "write answer":
      case "write head":
        return this.#writeHead(input as DecodedAnswer, wasEarly);
      case "write":
        return this.#write(input as Buffer);
      case "end":
        return void this.res.end();
      case "replace":
        return this.#desk.replace(this, this.#loss);
      case "cut":
      case "drop":
        return void this.res.destroy();
      case "release":
        return this.send("RELEASE");
      case "fail":
        return this.#fail(`${signal} while ${next}`);
      case "abort":
      case "report":
      case "report loss":
      case "ignore":
        return;
    }
  }

  #end(): void {
    this.#body = undefined;
    this.leave();
    // What is left of the body is read and dropped.
    if (this.#received > 0) this.req.resume();
    this.#desk.onFrontOver();
  }

  /** Ends this exchange only: the answer comes from a program, maybe, and others are under way on the link. */
  #drop(why: string): void {
    log("an answer of %s can't be used: %s", this.streams.link.tag, why);
    this.#signal("unusable");
  }

  #fail(why: string): void {
    this.streams.link.fail(`the owner of a session sent ${why}`);
  }

  // ---- the answer --------------------------------------------------------------------------------------------------

  #writeHead(answer: DecodedAnswer, isEarly: boolean): void {
    const { req, res } = this;
    const { head, first } = answer;
    this.#desk.recordAnswer(this, answer);
    this.#body = undefined;
    const headers: Record<string, unknown> = {};
    // Without the rest of the request, the connection can't carry another one.
    const hangUp = isEarly && !req.complete ? hangUpAfter(res, headers) : undefined;
    if (this.#desk.isLeaving) res.shouldKeepAlive = false;
    try {
      writeAnswerHead(res, head, { headers, length: head.hasMore ? undefined : first.length });
    } catch (error) {
      return this.#drop((error as Error).message);
    }
    if (isEarly) req.resume();
    if (!head.hasMore) endWith(res, first);
    else this.#begin(first);
    hangUp?.();
  }

  #begin(first: Buffer): void {
    this.res.on("drain", onResponseDrain);
    if (first.length === 0) this.res.flushHeaders();
    else this.#write(first);
  }

  #write(bytes: Buffer): void {
    if (this.res.write(bytes)) this.#giveCredit(bytes.length);
    else this.#unread += bytes.length;
  }

  /** @internal The client has read what was written. */
  drained(): void {
    const bytes = this.#unread;
    this.#unread = 0;
    if (this.#phase === "answering") this.#giveCredit(bytes);
  }

  #giveCredit(bytes: number): void {
    const credit = this.#credit?.passOn(bytes) ?? 0;
    if (credit > 0) this.send("CREDIT", encodeCredit(credit));
  }
}

/** Most bytes of a body that Node writes together with the head: it does so with text, whose latin1 is the bytes. */
const JOINED_BODY = 16_384;

function endWith(res: ServerResponse, body: Buffer): void {
  if (body.length > JOINED_BODY) res.end(body);
  else res.end(body.toString("latin1"), "latin1");
}

/** Sets the exchange of a request or of a response, whose listeners are shared. */
function lead<Carrier extends TransportRequest | ServerResponse>(carrier: Carrier, exchange: FrontExchange): Carrier {
  (carrier as Led)[EXCHANGE] = exchange;
  return carrier;
}

const sendHeldHead = (exchange: FrontExchange): void => exchange.sendHeldHead();

function onRequestData(this: Led, chunk: Buffer): void {
  this[EXCHANGE]?.receive(chunk);
}

function onRequestEnd(this: Led): void {
  this[EXCHANGE]?.complete();
}

function onResponseClose(this: Led): void {
  this[EXCHANGE]?.closed();
}

function onResponseDrain(this: Led): void {
  this[EXCHANGE]?.drained();
}
