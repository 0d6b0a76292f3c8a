/*
 * The Engine.IO client: one session over HTTP long-polling or WebSocket, moved from the one to the other.
 * It knows: the engine codec of the parser, requests and WebSockets of the platform, timers, events of the page.
 * It must not know: namespaces, acknowledgements, reconnection. Messages are strings and bytes here.
 * Node-only code is in files named `*.node.ts`, whose places others take in browsers: see `browser` in package.json.
 * A session lives (base-socket.ts), is upgraded (upgrade.ts) and opens (socket.ts), by transports that are tried in
 * turn or race; transports carry it.
 */
export { protocol, readRetryAfter } from "@portage/parser/engine";
export type { Cookie } from "./platform/cookie-jar.node.ts";
export type { Attempt, Diagnosis, Failure } from "./diagnosis.ts";
export { nextTick } from "./platform/globals.node.ts";
export { ENGINE_ERRORS, EngineError, type EngineErrorCode } from "./errors.ts";
export type {
  BinaryType,
  HandshakeData,
  Packet,
  RawData,
  SocketOptions,
  SocketReservedEvents,
  TransportCtor,
  TransportName,
  WriteOptions,
} from "./options.ts";
export { parse, type ParsedUri } from "./address/parse-uri.ts";
export { Socket } from "./socket.ts";
export { installTimerFunctions } from "./platform/timers.ts";
export { type CloseDetails, Transport, TransportError, type TransportReservedEvents } from "./transports/transport.ts";
export { Fetch } from "./transports/fetch.ts";
export { transports } from "./transports/index.ts";
export { NodeXHR } from "./transports/polling.node.ts";
export { WS as NodeWebSocket } from "./transports/websocket.node.ts";
export { WS as WebSocket } from "./transports/websocket.ts";
export { XHR } from "./transports/xhr.ts";
export type { UpgradePhase } from "./upgrade.ts";
