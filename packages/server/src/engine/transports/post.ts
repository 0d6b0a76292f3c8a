/*
 * The POST half of long-polling: one POST, from its arrival to its response.
 *
 *   client               server
 *   POST         ->      reading     body-reader.ts counts bytes and time
 *                        delivering  payload-delivery.ts, in several turns if the packets are many
 *                <- 200  "ok"        `kOnPostEnd`: the next POST may arrive
 *
 * Between calls, a transport has at most one POST. None of its packets is delivered before its body is complete, so a body
 * that is too large can be refused with the session intact. `kOnPostEnd` is called once, after the last packet, unless the
 * transport has aborted the POST while it was being read.
 *
 * A second POST would break this, because its packets could overtake the first ones: it ends the session. An incomplete
 * body ends it too, because the packets in it are lost.
 */
import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { EnginePacket, RawData } from "@portage/parser/engine";
import { hangUpAfter } from "../http/http2.ts";
import type { HttpExchange, TransportRequest } from "../http/request.ts";
import { kWriteAnswer, kContext, kOnBody, kOnPosted, kOnPostEnd, kPostReceipt } from "../keys.ts";
import { CLOSE_CODES, closeError, type CloseReason } from "../report/close-codes.ts";
import { REFUSALS } from "../report/refusals.ts";
import { type BodyHandler, BodyReader, type UploadFailure } from "./body-reader.ts";
import type { TransportContext } from "./context.ts";
import { payloadFailure, type PayloadReceiver } from "./payload-delivery.ts";

/** How a POST ended. */
export interface PostEnd {
  /** Why the transport must end: packets are lost or malformed. */
  readonly why?: CloseReason;
  /** The limit that the body exceeded. Nothing was delivered, and the client may send its packets one by one. */
  readonly refused?: { readonly limit: number; readonly actual: number };
}

/** The transport that a POST belongs to. */
export interface PostOwner {
  readonly sid: string;
  readonly [kContext]: TransportContext;
  /** The answer to a POST that was delivered. Default `ok`. */
  readonly [kPostReceipt]?: string;
  /** Decodes the body and delivers its packets to `receiver`. */
  [kOnBody](body: RawData, receiver: PayloadReceiver): void;
  /** @returns false to stop the delivery of this POST */
  [kOnPosted](packet: EnginePacket): boolean;
  [kWriteAnswer](res: ServerResponse, status: number, headers: OutgoingHttpHeaders, body: RawData): void;
  /** Called once the POST has been answered or its client is gone, unless the transport has aborted it. */
  [kOnPostEnd](end: PostEnd): void;
}

/** The end of a POST after which the session goes on: it was delivered, or forgotten. */
const POST_OVER: PostEnd = {};

/** The content type of binary bodies. */
const OCTET_STREAM = "application/octet-stream";

/** Whether a POST has a binary body. */
export const hasBytes = ({ headers }: TransportRequest): boolean => headers["content-type"] === OCTET_STREAM;

/** One POST: reads the body, delivers its packets, answers. */
export class Post implements BodyHandler, PayloadReceiver {
  readonly #owner: PostOwner;
  readonly #exchange: HttpExchange;
  readonly #reader: BodyReader;

  constructor(owner: PostOwner, exchange: HttpExchange) {
    this.#owner = owner;
    this.#exchange = exchange;
    this.#reader = new BodyReader(exchange.req, owner[kContext], this);
  }

  /** Starts to read. The end may be reported before this returns. */
  start(): void {
    this.#reader.start();
  }

  /** Stops reading without a report. A complete body is still delivered. */
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

  /** Nothing was delivered, and the client may repeat the POST. */
  onForgotten(): void {
    this.#owner[kOnPostEnd](POST_OVER);
  }

  onAborted(): void {
    this.#owner[kOnPostEnd]({ why: closeError("POST_ABORTED", "data request connection closed prematurely") });
  }

  /** Gives up on an incomplete body. Part of a packet is lost, so the session must end. */
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
    // With any other type, old Internet Explorer shows a download dialog.
    const { [kPostReceipt]: receipt = "ok" } = this.#owner;
    this.#owner[kWriteAnswer](this.#exchange.res, 200, { "Content-Type": "text/html" }, receipt);
    if (failure === undefined) return this.#owner[kOnPostEnd](POST_OVER);
    this.#owner[kOnPostEnd]({ why: payloadFailure(failure, this.#owner[kContext].maxPayloadPackets) });
  }

  // ---- answers -----------------------------------------------------------------------------------------------------

  /** Answers a POST without reading the rest of its body. */
  #answerLast(status: number, body: string): void {
    const { res } = this.#exchange;
    const headers = { "Content-Type": "application/json" };
    const hangUp = hangUpAfter(res, headers);
    this.#owner[kWriteAnswer](res, status, headers, body);
    hangUp();
  }
}
