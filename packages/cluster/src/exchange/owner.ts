/*
 * The owner of forwarded exchanges: it has the session, and another node has the client's connection.
 *
 * Theory. `phase` follows core/owner-table.ts; only `#signal` changes it. What holds between calls:
 * - Until the phase is `over`, the exchange is listed in the streams of its link.
 * - The engine sees a connection that ends once: `finish` and `close` of the response after DONE, `close` alone otherwise. A
 *   connection that broke inside the answer has `errored` set; one that was forgotten is marked as such before it closes.
 * - Bytes of the body that the engine has not read are not credited to the front.
 * - The answer leaves when the link and the front take it: what waits is in `#answer`, and `write()` returns false.
 *
 * Events are emitted in a tick of their own, as Node does: what a listener throws must not reach the link.
 */
import type { ServerResponse } from "node:http";
import { createLog, forgetRequest, prepareRequest, runNextTick, type TransportRequest } from "@portage/server/relay";
import { decodeCredit, encodeCredit, ReceiveCredit } from "../core/credit.ts";
import type { Frame } from "../core/frames.ts";
import { encodeAnswer, type RequestHead } from "../core/heads.ts";
import { OWNER_TABLE, type OwnerPhase, type OwnerSignal } from "../core/owner-table.ts";
import { encodeReset } from "../core/reset.ts";
import type { LinkEnd } from "../links/link.ts";
import { createForwardedRequest } from "./forwarded-request.ts";
import { type AnswerSink, createForwardedResponse, type ForwardedResponse, writtenHead } from "./forwarded-response.ts";
import { ForwardedSocket, type SocketUser } from "./forwarded-socket.ts";
import { Outflow } from "./outflow.ts";
import { ResponseError } from "./response-error.ts";
import { type LinkStreams, StreamEnd } from "./streams.ts";

const log = createLog("portage:cluster");

/** The relay, as its exchanges see it. */
export interface OwnerDesk {
  /** The engine has begun its answer. */
  onAnswered(exchange: OwnerExchange): void;
  onOwnerOver(exchange: OwnerExchange): void;
  /** Asks the engine to answer the pending poll. */
  release(exchange: OwnerExchange): void;
}

const OWNER_SIGNALS = {
  FIN: "fin",
  ABORT: "abort",
  DONE: "done",
  LOST: "lost",
  RELEASE: "release",
} as const satisfies Partial<Record<Frame["type"], OwnerSignal>>;

const isSignal = (type: string): type is keyof typeof OWNER_SIGNALS => Object.hasOwn(OWNER_SIGNALS, type);

/** A poll or a POST that another node has received. */
export class OwnerExchange extends StreamEnd implements SocketUser, AnswerSink {
  readonly req: TransportRequest;
  readonly res: ForwardedResponse;
  readonly #desk: OwnerDesk;
  readonly #socket: ForwardedSocket;
  /** Created when the answer begins. */
  #answer: Outflow | undefined;
  /** Absent if the body came with the head. */
  readonly #credit: ReceiveCredit | undefined;
  #phase: OwnerPhase;
  #head: "held" | "sent" = "held";
  /** Bytes of the body that were pushed and not credited. */
  #uncredited = 0;
  /** Whether the body is complete, and whether its end was pushed. */
  #body: "open" | "complete" | "over" = "open";
  #flow: "open" | "full" = "open";

  constructor(streams: LinkStreams, number: number, request: { head: RequestHead; first: Buffer; desk: OwnerDesk }) {
    super(streams, number);
    const { head, first, desk } = request;
    this.#desk = desk;
    this.#socket = new ForwardedSocket(head.peer, this);
    this.req = prepareRequest(createForwardedRequest(head, this.#socket));
    this.res = createForwardedResponse(this.req, this.#socket, this);
    this.#phase = head.hasMore ? "receiving" : "handling";
    if (head.hasMore) this.#credit = new ReceiveCredit();
    if (first.length > 0) this.#push(first);
    if (head.hasMore) return;
    this.req.complete = true;
    this.#body = "complete";
  }

  get phase(): OwnerPhase {
    return this.#phase;
  }

  // ---- frames ------------------------------------------------------------------------------------------------------

  override onFrame({ type, body }: Frame): void {
    if (isSignal(type)) return this.#signal(OWNER_SIGNALS[type]);
    if (type === "DATA") {
      if (this.#credit?.receive(body.length) === false) return this.#fail("more bytes than its credit");
      return this.#signal("data", body);
    }
    if (type !== "CREDIT") return this.#fail(`${type} inside an exchange`);
    if (!this.#answer?.addCredit(decodeCredit(body))) return this.#fail("an invalid credit");
    this.#signal("credit");
  }

  override onLinkClose(_end: LinkEnd): void {
    this.#signal("unlinked");
  }

  override onLinkDrain(): void {
    this.#send();
  }

  /** Gives up on a front that does not answer: its client has come by another one. */
  abandon(): void {
    if (this.#phase === "receiving" || this.#phase === "handling") this.send("RESET", encodeReset("destroyed"));
    this.#signal("unlinked");
  }

  #fail(why: string): void {
    this.streams.link.fail(`the front of a request sent ${why}`);
  }

  // ---- phases ------------------------------------------------------------------------------------------------------

  #signal(signal: OwnerSignal, bytes?: Buffer): void {
    const [next, action] = OWNER_TABLE[this.#phase][signal];
    const isOver = next === "over" && this.#phase !== "over";
    this.#phase = next;
    if (action === "reset") this.send("RESET", encodeReset("destroyed"));
    if (isOver) this.#end();
    switch (action) {
      case "push":
        return this.#push(bytes as Buffer);
      case "complete":
        return this.#complete();
      case "forget":
        forgetRequest(this.req);
        return this.#close(null);
      case "abort":
      case "reset":
        return this.#close(null);
      case "lose":
        return this.#close(new ResponseError("ECONNRESET"));
      case "finish":
        runNextTick(finish, this);
        return runNextTick(onResponseClosed, this);
      case "release":
        return this.#desk.release(this);
      case "proceed":
        return this.#send();
      case "fail":
        return this.#fail(`${signal} while ${next}`);
      case "ignore":
        return;
    }
  }

  #end(): void {
    this.#answer = undefined;
    this.leave();
    this.#desk.onOwnerOver(this);
  }

  /** Ends the connection as the engine sees it. */
  #close(error: Error | null): void {
    this.#socket.close(error);
    this.res.destroyed = true;
    runNextTick(onResponseClosed, this);
  }

  /** @internal Emits `close` on response, request and connection. */
  emitClose(): void {
    const { req, res } = this;
    const socket = this.#socket;
    res.destroyed = true;
    Reflect.set(res, "_closed", true);
    res.emit("close");
    // Node reads the rest of a request whose answer has left.
    if (!socket.destroyed) req.resume();
    else if (!req.destroyed) req.destroy();
    if (!socket.destroyed) socket.close(null);
    socket.emit("close", socket.errored !== null);
  }

  // ---- the request -------------------------------------------------------------------------------------------------

  #push(bytes: Buffer): void {
    this.#uncredited += bytes.length;
    this.req.push(bytes);
  }

  #complete(): void {
    this.req.complete = true;
    this.#body = "over";
    this.req.push(null);
  }

  onRead(): void {
    if (this.#body === "complete") return this.#complete();
    const unread = this.req.readableLength;
    const credit = this.#credit?.passOn(this.#uncredited - unread) ?? 0;
    this.#uncredited = unread;
    if (credit > 0 && this.#phase === "receiving") this.send("CREDIT", encodeCredit(credit));
  }

  onDestroy(): void {
    this.#signal("destroy");
  }

  // ---- the answer --------------------------------------------------------------------------------------------------

  get writableLength(): number {
    const queuedBytes = this.#answer?.queuedBytes ?? 0;
    return this.res.writableEnded && this.#phase !== "over" ? queuedBytes + 1 : queuedBytes;
  }

  onFlush(): void {
    this.#begin();
    this.#send();
  }

  onWrite(bytes: Buffer): boolean {
    const answer = this.#begin();
    answer.push(bytes);
    this.#send();
    this.#flow = answer.queuedBytes > 0 ? "full" : "open";
    return this.#flow === "open";
  }

  onEnd(bytes: Buffer): void {
    const answer = this.#begin();
    answer.push(bytes);
    answer.end();
    this.#send();
  }

  #begin(): Outflow {
    const answer = (this.#answer ??= new Outflow());
    if (this.#phase !== "receiving" && this.#phase !== "handling") return answer;
    this.#signal("begin");
    this.#desk.onAnswered(this);
    return answer;
  }

  /** Sends what the link and the front take. */
  #send(): void {
    if (this.#phase !== "answering" || !this.#answer) return;
    if (this.streams.isCongested) return this.waitForDrain();
    if (this.#head === "held") this.#sendHead(this.#answer);
    else if (this.#sendBody(this.#answer)) this.#onSent(this.#answer);
  }

  #sendHead(answer: Outflow): void {
    const first = answer.take();
    const hasMore = !answer.isDone;
    const head = encodeAnswer(writtenHead(this.res) ?? "", hasMore);
    this.#head = "sent";
    if (!head) {
      log("an answer with the status %d can't be sent to %s", this.res.statusCode, this.streams.link.tag);
      return this.#signal("destroy");
    }
    this.send("ANSWER", head, first);
    if (hasMore) this.#send();
    else this.#signal("sent");
  }

  /** @returns whether nothing waits */
  #sendBody(answer: Outflow): boolean {
    while (answer.queuedBytes > 0) {
      if (this.streams.isCongested) {
        this.waitForDrain();
        return false;
      }
      const bytes = answer.take();
      if (bytes.length === 0) return false;
      this.send("DATA", bytes);
    }
    return true;
  }

  #onSent(answer: Outflow): void {
    if (answer.isDone) {
      this.send("FIN");
      this.#signal("sent");
    } else if (this.#flow === "full") {
      this.#flow = "open";
      runNextTick(drain, this.res);
    }
  }
}

function finish({ res }: OwnerExchange): void {
  res.emit("finish");
}

function drain(res: ServerResponse): void {
  if (!res.destroyed) res.emit("drain");
}

const onResponseClosed = (exchange: OwnerExchange): void => exchange.emitClose();
