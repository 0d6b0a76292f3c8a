import type { TransportRequest } from "../http/request.ts";
import type { TransportContext } from "./context.ts";
import type { EngineLink } from "./engine-link.ts";
import { JsonpTransport } from "./polling-jsonp.ts";
import { PollingTransport } from "./polling.ts";
import type { Transport } from "./transport.ts";
import { WebSocketTransport } from "./websocket.ts";

/** What the engine knows of a transport before there is one. */
interface TransportFacts {
  /** What requests call it (`?transport=`), and {@link Transport.name}. */
  readonly name: string;
  /** Names of the transports that a session on it may be upgraded to. */
  readonly upgradesTo: readonly string[];
}

/**
 * A transport that HTTP requests carry. They reach {@link Transport.onRequest}, that of the handshake first. Between two of
 * them it may be unable to send, which does not make its peer a slow reader.
 */
export interface RequestTransportKind extends TransportFacts {
  readonly carriedBy: "requests";
  /** @param request the handshake */
  make(request: TransportRequest, context: TransportContext): Transport;
}

/** A transport that a connection of its own carries, which a WebSocket handshake opens. It may be what others upgrade to. */
export interface StreamTransportKind extends TransportFacts {
  readonly carriedBy: "stream";
  /** @param link the WebSocket; nothing is read from it before {@link Transport.open} */
  make(request: TransportRequest, context: TransportContext, link: EngineLink): Transport;
}

export type TransportKind = RequestTransportKind | StreamTransportKind;

/** Names that the option `transports` takes. WebTransport is known by name and not offered. */
export type TransportName = "polling" | "websocket" | "webtransport";

export const TRANSPORT_NAMES: readonly TransportName[] = ["polling", "websocket", "webtransport"];

/** The transports that an engine offers where the option `transports` is not given. */
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
  make: (req, context, link) => new WebSocketTransport(req, link, context),
};

const transportKinds = new Map<string | undefined, TransportKind>();

/**
 * Makes a transport known to all engines of the process. An engine takes requests for it once its option `transports` has
 * the name.
 *
 * @returns forgets it again
 */
export function registerTransport(kind: TransportKind): () => void {
  transportKinds.set(kind.name, kind);
  return () => void transportKinds.delete(kind.name);
}

registerTransport(POLLING_KIND);
registerTransport(WEBSOCKET_KIND);

/** What carries a transport; undefined for one that is not known. */
export function carrierOf(name: string | undefined): TransportKind["carriedBy"] | undefined {
  return transportKinds.get(name)?.carriedBy;
}

/** Names of the transports that a session on `name` may be upgraded to. */
export function upgradesOf(name: string): readonly string[] {
  return transportKinds.get(name)?.upgradesTo ?? [];
}

/** What makes the transport of a handshake over HTTP. One that was let in under another name polls. */
export function requestKind(name: string | undefined): RequestTransportKind {
  const kind = transportKinds.get(name);
  return kind?.carriedBy === "requests" ? kind : POLLING_KIND;
}

/** What makes the transport on a WebSocket, whatever the request calls it. */
export function streamKind(name: string | undefined): StreamTransportKind {
  const kind = transportKinds.get(name);
  return kind?.carriedBy === "stream" ? kind : WEBSOCKET_KIND;
}
