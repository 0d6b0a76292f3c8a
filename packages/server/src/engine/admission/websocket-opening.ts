import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { type AcceptOptions, parseProtocols } from "@portage/websocket";
import type { TransportRequest } from "../http/request.ts";
import { kContext, kOfferUpgrade, kReportRefusal } from "../keys.ts";
import { ERROR_CODES, type Refusal, createRefusal, refusalName } from "../report/refusals.ts";
import type { TransportContext } from "../transports/context.ts";
import type { EngineLink, ForeignWebSocket } from "../transports/engine-link.ts";
import { ForeignLink } from "../transports/foreign-link.ts";
import { noteProtocol } from "../transports/link-socket.ts";
import { opensByWebSocket, streamKind } from "../transports/registry.ts";
import type { Transport } from "../transports/transport.ts";
import type { JoinedSession, RequestOpening } from "./opening.ts";
import type { StreamHandshake } from "./stream-handshake.ts";
import {
  bodyOf,
  FINAL,
  headerLines,
  isFinalReturn,
  isHeaderLine,
  retryHeaders,
  sentenceOf,
  statusOf,
} from "./refusal-answer.ts";

/** The options of the engine that WebSocket handshakes use. */
interface HandshakeOptions extends Pick<
  AcceptOptions,
  "maxFragments" | "maxControlFramesPerSecond" | "perMessageDeflate" | "clock"
> {
  readonly maxHttpBufferSize: number;
  readonly handleProtocols?: (protocols: Set<string>, req: IncomingMessage) => string | false | undefined;
}

/** The part of the engine that WebSocket handshakes use. */
export interface WebSocketDoor {
  readonly opts: HandshakeOptions;
  readonly [kContext]: TransportContext;
  [kReportRefusal](req: IncomingMessage, refusal: Refusal): void;
}

/** A WebSocket handshake, for @portage/websocket or another library. */
abstract class StreamOpening implements RequestOpening {
  readonly req: TransportRequest;
  protected readonly door: WebSocketDoor;

  constructor(door: WebSocketDoor, req: TransportRequest) {
    this.door = door;
    this.req = req;
  }

  abstract isGone(): boolean;

  /** Returns the link. Throws if a response header is invalid. */
  protected abstract link(): EngineLink;

  abstract refuse(refusal: Refusal): void;

  accept(): Transport | undefined {
    if (this.isGone()) return undefined;
    const { req, door } = this;
    try {
      return streamKind(req._query["transport"]).make(req, door[kContext], this.link());
    } catch (error) {
      this.refuse(createRefusal(ERROR_CODES.BAD_REQUEST, { name: "TRANSPORT_HANDSHAKE_ERROR", error }));
      return undefined;
    }
  }

  begin(transport: Transport): void {
    transport.open();
  }

  join(session: JoinedSession): void {
    const candidate = this.accept();
    if (!candidate) return;
    session[kOfferUpgrade](candidate);
    candidate.open();
  }
}

const ignoreError = (): void => {};

/** A WebSocket handshake that is answered after all checks. */
export class WebSocketOpening extends StreamOpening {
  /** Headers for the response. */
  headers: OutgoingHttpHeaders = {};
  readonly handshake: StreamHandshake;
  /** Defined once the handshake is accepted. */
  #link: EngineLink | undefined;

  constructor(door: WebSocketDoor, req: TransportRequest, handshake: StreamHandshake) {
    super(door, req);
    this.handshake = handshake;
    // Before the WebSocket layer listens, a reset would be an unhandled error.
    handshake.stream.on("error", ignoreError);
  }

  isGone(): boolean {
    return this.handshake.isGone();
  }

  /** Checks that the request is a WebSocket handshake for a stream transport, and refuses it otherwise. */
  check(): boolean {
    const { req, door, handshake } = this;
    const { transport } = req._query;
    const check = handshake.check(req, door.opts);
    if (!check.ok) {
      const refusal = createRefusal(ERROR_CODES.BAD_REQUEST, { name: "TRANSPORT_HANDSHAKE_ERROR", ...check });
      door[kReportRefusal](req, refusal);
      this.#answer(refusal, check.status, check.headers);
    } else if (!opensByWebSocket(transport)) {
      this.refuse(createRefusal(ERROR_CODES.BAD_REQUEST, { name: "TRANSPORT_MISMATCH", transport }));
    } else {
      return true;
    }
    return false;
  }

  protected link(): EngineLink {
    const { req, headers, door } = this;
    const { maxHttpBufferSize, maxFragments, maxControlFramesPerSecond, perMessageDeflate, clock } = door.opts;
    door[kContext].addHeaders(headers, req, "");
    // Helps to find a proxy that downgrades requests: HTTP/1.0 works here, but hardly anywhere else.
    if (req.httpVersion === "1.0") headers["X-Handshake-Version"] = "HTTP/1.0";
    const protocol = chooseSubprotocol(req, door.opts.handleProtocols);
    const link = this.handshake.accept(req, {
      maxPayload: maxHttpBufferSize,
      protocol,
      ...(maxFragments !== undefined && { maxFragments }),
      ...(maxControlFramesPerSecond !== undefined && { maxControlFramesPerSecond }),
      budget: door[kContext].receiving,
      headers: headerLines(headers),
      ...(perMessageDeflate !== undefined && { perMessageDeflate }),
      ...(clock !== undefined && { clock }),
    });
    this.handshake.stream.off("error", ignoreError);
    if (protocol) noteProtocol(link, protocol);
    this.#link = link;
    return link;
  }

  refuse(refusal: Refusal): void {
    this.door[kReportRefusal](this.req, refusal);
    if (isFinalReturn(this.req, refusal)) return this.#turnAway(refusal);
    const headers: Record<string, string> = retryHeaders(refusal);
    for (const [name, value] of Object.entries(this.headers))
      if (isHeaderLine(String(value))) headers[name] = String(value);
    const isNew = refusal.retryAfter !== undefined;
    if (!isNew && this.handshake.refusalBody === "text") headers["Content-Type"] ??= "text/html";
    this.#answer(refusal, statusOf(refusal), headers);
  }

  /** Refuses a return by a close frame, as browsers hide the status of a handshake: their clients would try on. */
  #turnAway(refusal: Refusal): void {
    const transport = this.accept();
    if (!transport) return;
    transport.open();
    this.#link?.close(FINAL, refusalName(refusal));
    this.door[kContext].closingBacklog.add(transport);
  }

  #answer(refusal: Refusal, status: number, headers: Readonly<Record<string, string>>): void {
    const isJson = this.handshake.refusalBody === "json" || refusal.retryAfter !== undefined;
    const body = isJson ? bodyOf(refusal) : sentenceOf(refusal);
    this.handshake.refuse(status, body, isJson ? { "Content-Type": "application/json", ...headers } : headers);
  }
}

/** A WebSocket of another library. Its handshake has been answered, so a refusal can only close it. */
export class ForeignOpening extends StreamOpening {
  readonly #websocket: ForeignWebSocket;
  readonly #link: ForeignLink;

  constructor(door: WebSocketDoor, req: TransportRequest, websocket: ForeignWebSocket) {
    super(door, req);
    this.#websocket = websocket;
    this.#link = new ForeignLink(websocket);
  }

  isGone(): boolean {
    return this.#websocket.readyState > 1;
  }

  protected link(): EngineLink {
    return this.#link;
  }

  refuse(refusal: Refusal): void {
    this.door[kReportRefusal](this.req, refusal);
    this.#link.close();
    this.door[kContext].closingBacklog.add({ discard: () => this.#link.terminate() });
  }
}

/** Returns the subprotocol that the program chooses; without `handleProtocols`, the first one offered. */
function chooseSubprotocol(req: IncomingMessage, choose: HandshakeOptions["handleProtocols"]): string | false {
  const offered = parseProtocols(req.headers["sec-websocket-protocol"]);
  if (!offered?.size) return false;
  return (choose ? choose(offered, req) : offered.values().next().value) || false;
}
