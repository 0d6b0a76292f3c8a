import type { ServerResponse } from "node:http";
import type { TransportRequest } from "../http/request.ts";
import type { Refusal } from "../report/refusals.ts";
import type { TransportContext } from "./context.ts";
import type { EngineLink } from "./engine-link.ts";
import { JsonpTransport } from "./polling-jsonp.ts";
import { PollingTransport } from "./polling.ts";
import { EventStreamTransport, refuseByEvent } from "./event-stream.ts";
import type { Transport } from "./transport.ts";
import { WebSocketTransport } from "./websocket.ts";
import { WebTransportTransport } from "./webtransport.ts";

/** What the engine knows of a kind of transport before it creates one. */
interface TransportFacts {
  /** The name in requests (`?transport=`), and {@link Transport.name}. */
  readonly name: string;
  /** Names of transports that a session on it may be upgraded to. */
  readonly upgradesTo: readonly string[];
}

/**
 * A transport carried by HTTP requests. Each request goes to {@link Transport.onRequest}, starting with the handshake.
 * Between requests the transport may be unable to send, which does not make its client a slow reader.
 */
export interface RequestTransportKind extends TransportFacts {
  readonly carriedBy: "requests";
  /** @param request the handshake */
  make(request: TransportRequest, context: TransportContext): Transport;
}

/** A transport carried by its own connection. Others may upgrade to it. */
export interface StreamTransportKind extends TransportFacts {
  readonly carriedBy: "stream";
  /** What makes the connection: the handshake of a WebSocket, or something that the program passes to the engine. */
  readonly openedBy: "websocket" | "program";
  /** @param link the connection; not read before {@link Transport.open} */
  make(request: TransportRequest, context: TransportContext, link: EngineLink): Transport;
}

/**
 * A transport carried by the answer to its handshake, which goes on until it ends. Its client can only read. It is of
 * revision 4, whatever the query says, and no other request belongs to its session. A page that may not read the answer
 * would hold a session for nothing, so the origin is checked as for WebSocket.
 */
export interface AnswerTransportKind extends TransportFacts {
  readonly carriedBy: "answer";
  /** @param request the handshake */
  make(request: TransportRequest, context: TransportContext): Transport;
  /** Answers a refused handshake in the form that its clients read. Returns false for the usual answer in JSON. */
  refuse(res: ServerResponse, refusal: Refusal): boolean;
}

export type TransportKind = RequestTransportKind | StreamTransportKind | AnswerTransportKind;

/** A transport that an HTTP request opens. */
export type HttpTransportKind = RequestTransportKind | AnswerTransportKind;

/** Names that the option `transports` accepts. */
export type TransportName = "polling" | "websocket" | "webtransport" | "sse";

export const TRANSPORT_NAMES: readonly TransportName[] = ["polling", "websocket", "webtransport", "sse"];

/** The default of the option `transports`. */
export const OFFERED_BY_DEFAULT: readonly TransportName[] = ["polling", "websocket"];

const POLLING_KIND: RequestTransportKind = {
  name: "polling",
  upgradesTo: PollingTransport.upgradesTo,
  carriedBy: "requests",
  make: (req, context) =>
    req._query["j"] === undefined ? new PollingTransport(req, context) : new JsonpTransport(req, context),
};

const WEBSOCKET_KIND: StreamTransportKind = {
  name: "websocket",
  upgradesTo: WebSocketTransport.upgradesTo,
  carriedBy: "stream",
  openedBy: "websocket",
  make: (req, context, link) => new WebSocketTransport(req, link, context),
};

const EVENT_STREAM_KIND: AnswerTransportKind = {
  name: "sse",
  upgradesTo: EventStreamTransport.upgradesTo,
  carriedBy: "answer",
  make: (req, context) => new EventStreamTransport(req, context),
  refuse: refuseByEvent,
};

const WEBTRANSPORT_KIND: StreamTransportKind = {
  name: "webtransport",
  upgradesTo: WebTransportTransport.upgradesTo,
  carriedBy: "stream",
  openedBy: "program",
  make: (req, context, link) => new WebTransportTransport(req, link, context),
};

const transportKinds = new Map<string | undefined, TransportKind>();

/**
 * Registers a transport for all engines of the process. An engine accepts requests for it if its option `transports`
 * includes the name.
 *
 * @returns removes the transport again
 */
export function registerTransport(kind: TransportKind): () => void {
  transportKinds.set(kind.name, kind);
  return () => void transportKinds.delete(kind.name);
}

registerTransport(POLLING_KIND);
registerTransport(WEBSOCKET_KIND);
registerTransport(WEBTRANSPORT_KIND);
registerTransport(EVENT_STREAM_KIND);

/** Returns what carries a transport; undefined if the name is unknown. */
export function carrierOf(name: string | undefined): TransportKind["carriedBy"] | undefined {
  return transportKinds.get(name)?.carriedBy;
}

/** Returns the names of transports that a session on `name` may be upgraded to. */
export function upgradesOf(name: string): readonly string[] {
  return transportKinds.get(name)?.upgradesTo ?? [];
}

/** Returns the kind of transport for an HTTP handshake; polling if the name is not one that a request opens. */
export function httpKind(name: string | undefined): HttpTransportKind {
  const kind = transportKinds.get(name);
  return kind === undefined || kind.carriedBy === "stream" ? POLLING_KIND : kind;
}

/** Whether the handshake of a WebSocket opens the transport of this name. */
export function opensByWebSocket(name: string | undefined): boolean {
  const kind = transportKinds.get(name);
  return kind?.carriedBy === "stream" && kind.openedBy === "websocket";
}

/** Whether requests may name the transport: whether one of them opens it. */
export function isRequestable(name: string | undefined): boolean {
  return carrierOf(name) !== "stream" || opensByWebSocket(name);
}

/** Returns the kind of transport for a WebSocket handshake; WebSocket if the name is not one carried by a stream. */
export function streamKind(name: string | undefined): StreamTransportKind {
  const kind = transportKinds.get(name);
  return kind?.carriedBy === "stream" ? kind : WEBSOCKET_KIND;
}
