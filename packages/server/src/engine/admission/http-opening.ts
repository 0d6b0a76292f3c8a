import type { IncomingMessage, ServerResponse } from "node:http";
import { isGone } from "../http/http2.ts";
import type { HttpExchange, TransportRequest } from "../http/request.ts";
import { kMakeTransport, kReportRefusal } from "../keys.ts";
import type { Refusal } from "../report/refusals.ts";
import { httpKind } from "../transports/registry.ts";
import type { Transport } from "../transports/transport.ts";
import type { JoinedSession, RequestOpening } from "./opening.ts";
import { refusalHeaders, bodyOf, statusOf } from "./refusal-answer.ts";

/** The part of the engine that HTTP requests use. */
export interface HttpDoor {
  [kMakeTransport](req: TransportRequest): Transport;
  [kReportRefusal](req: IncomingMessage, refusal: Refusal): void;
}

/** An HTTP request: a handshake, or a request of an open session. Sessions receive the opening itself as the exchange. */
export class HttpOpening implements RequestOpening, HttpExchange {
  readonly req: TransportRequest;
  readonly res: ServerResponse;
  readonly #door: HttpDoor;

  constructor(door: HttpDoor, req: TransportRequest, res: ServerResponse) {
    this.#door = door;
    this.req = req;
    this.res = res;
  }

  isGone(): boolean {
    return isGone(this.res) || this.res.writableEnded;
  }

  accept(): Transport | undefined {
    return this.isGone() ? undefined : this.#door[kMakeTransport](this.req);
  }

  /** Makes the handshake's request the first poll; the open packet answers it. */
  begin(transport: Transport): void {
    transport.onRequest(this);
  }

  join({ transport }: JoinedSession): void {
    transport.onRequest(this);
  }

  refuse(refusal: Refusal): void {
    const { req, res } = this;
    this.#door[kReportRefusal](req, refusal);
    if (res.headersSent) return;
    const kind = httpKind(req._query["transport"]);
    if (kind.carriedBy === "answer" && kind.refuse(res, refusal)) return;
    res.writeHead(statusOf(refusal), { "Content-Type": "application/json", ...refusalHeaders(refusal) });
    res.end(bodyOf(refusal));
  }
}
