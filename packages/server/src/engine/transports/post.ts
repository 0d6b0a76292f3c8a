import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { EnginePacket, RawData } from "@portage/parser/engine";
import { hangUpAfter } from "../http/http2.ts";
import type { HttpExchange, TransportRequest } from "../http/request.ts";
import { kWriteAnswer, kContext, kOnBody, kOnPosted, kOnPostEnd } from "../keys.ts";
import { CLOSE_CODES, closeError, type CloseReason } from "../report/close-codes.ts";
import { REFUSALS } from "../report/refusals.ts";
import { type BodyHandler, BodyReader, type UploadFailure } from "./body-reader.ts";
import type { TransportContext } from "./context.ts";
import { payloadFailure, type PayloadReceiver } from "./payload-delivery.ts";

/** How a POST ended. */
export interface PostEnd {
  /** Why the transport can't go on: packets are lost, or are none. */
  readonly why?: CloseReason;
  /** The limit that the body exceeded: nothing of it was delivered, and the client may send its packets one by one. */
  readonly refused?: { readonly limit: number; readonly actual: number };
}

/** The transport that a POST belongs to. */
export interface PostOwner {
  readonly sid: string;
  readonly [kContext]: TransportContext;
  /** Takes the body apart and delivers its packets to `receiver`. */
  [kOnBody](body: RawData, receiver: PayloadReceiver): void;
  /** @returns false to have no more of the same POST */
  [kOnPosted](packet: EnginePacket): boolean;
  [kWriteAnswer](res: ServerResponse, status: number, headers: OutgoingHttpHeaders, body: RawData): void;
  /** The POST has been answered, or its client is gone. Called once, unless the transport aborts it. */
  [kOnPostEnd](end: PostEnd): void;
}

const POST_DELIVERED: PostEnd = {};

/** What a body of another kind than text is called. */
const OCTET_STREAM = "application/octet-stream";

/** Whether the body of a POST is to be read as bytes. */
export const hasBytes = ({ headers }: TransportRequest): boolean => headers["content-type"] === OCTET_STREAM;

/**
 * The POST half of long-polling: one POST, from its arrival to its answer. A transport without one is not sent anything
 * (`none`); one with one reads the body, then delivers its packets, which many of take more than one turn.
 */
export class Post implements BodyHandler, PayloadReceiver {
  readonly #owner: PostOwner;
  readonly #exchange: HttpExchange;
  readonly #reader: BodyReader;

  constructor(owner: PostOwner, exchange: HttpExchange) {
    this.#owner = owner;
    this.#exchange = exchange;
    this.#reader = new BodyReader(exchange.req, owner[kContext], this);
  }

  /** Begins to read: the end may be reported before this returns. */
  start(): void {
    this.#reader.start();
  }

  /** Ends the reading, and reports nothing; a body that has been read is delivered all the same. */
  abort(): void {
    this.#reader.abort();
  }

  // ---- reading -----------------------------------------------------------------------------------------------------

  onBody(body: Buffer): void {
    this.#owner[kOnBody](hasBytes(this.#exchange.req) ? body : body.toString("utf8"), this);
  }

  onTooLarge(actual: number): void {
    const { code, status, message } = REFUSALS.PAYLOAD_TOO_LARGE;
    const { [kContext]: context, sid } = this.#owner;
    const limit = context.maxHttpBufferSize;
    this.#answerLast(status, JSON.stringify({ code, message, limit }));
    context.reportRefusal(this.#exchange.req, { code, context: { name: "PAYLOAD_TOO_LARGE", limit, actual, sid } });
    this.#owner[kOnPostEnd]({ refused: { limit, actual } });
  }

  onAborted(): void {
    this.#owner[kOnPostEnd]({ why: closeError("POST_ABORTED", "data request connection closed prematurely") });
  }

  /** Part of a packet is lost, so that the session can't go on. */
  onGivenUp(code: UploadFailure): void {
    const { message } = CLOSE_CODES[code];
    const { postTimeout, receiving } = this.#owner[kContext];
    const limit = code === "POST_LATE" ? postTimeout : receiving.limit;
    this.#answerLast(code === "POST_LATE" ? 408 : 503, JSON.stringify({ message, limit }));
    this.#owner[kOnPostEnd]({ why: { ...closeError(code, message), limit } });
  }

  // ---- delivering --------------------------------------------------------------------------------------------------

  onPacket(packet: EnginePacket): boolean {
    return this.#owner[kOnPosted](packet);
  }

  onDelivered(failure?: unknown): void {
    // text/html is what old Internet Explorer needs to show no download dialog.
    this.#owner[kWriteAnswer](this.#exchange.res, 200, { "Content-Type": "text/html" }, "ok");
    if (failure === undefined) return this.#owner[kOnPostEnd](POST_DELIVERED);
    this.#owner[kOnPostEnd]({ why: payloadFailure(failure, this.#owner[kContext].maxPayloadPackets) });
  }

  // ---- answers -----------------------------------------------------------------------------------------------------

  /** Answers a POST whose rest is of no use. */
  #answerLast(status: number, body: string): void {
    const { res } = this.#exchange;
    const headers = { "Content-Type": "application/json" };
    const hangUp = hangUpAfter(res, headers);
    this.#owner[kWriteAnswer](res, status, headers, body);
    hangUp();
  }
}
