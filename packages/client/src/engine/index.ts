/*
 * The Engine.IO client: one session over HTTP long-polling or WebSocket, with the upgrade between them.
 * Knows: the engine codec of the parser, requests and WebSockets of the platform, timers, events of the page.
 * Must not know: namespaces, acknowledgements, reconnection. Messages are strings and bytes here.
 *
 * Start with session.ts. opening.ts opens a session and upgrade.ts upgrades it, over transports/, at an address/, with the
 * means of platform/. Node-only code is in `*.node.ts` files; `browser` in package.json replaces them. Members that end
 * with an underscore are private to the client; the build shortens them.
 */
export { isTraceparent, protocol, readRetryAfter } from "@portage/parser/engine";
export { ADDRESS, isSecure, usualPort } from "./address/address.ts";
export { parse, type ParsedUri } from "./address/parse-uri.ts";
export { decodeQuery } from "./address/query.ts";
export type { Attempt, Diagnosis, Failure } from "./diagnosis.ts";
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
export type { Cookie } from "./platform/cookie-jar.node.ts";
export { hideToJson, nextTick, unhide } from "./platform/globals.node.ts";
export { type PageListener, pageListeners, type PageSignal } from "./platform/page.ts";
export { readGlobal } from "./platform/platform.ts";
export { after, installTimerFunctions, LONGEST, type TimerOwner } from "./platform/timers.ts";
export type { Session } from "./session.ts";
export { Socket } from "./socket.ts";
export { Fetch } from "./transports/fetch.ts";
export { transports } from "./transports/index.ts";
export { NodeXHR } from "./transports/polling.node.ts";
export { type CloseDetails, Transport, TransportError, type TransportReservedEvents } from "./transports/transport.ts";
export { WS as NodeWebSocket } from "./transports/websocket.node.ts";
export { WS as WebSocket } from "./transports/websocket.ts";
export { XHR } from "./transports/xhr.ts";
export type { UpgradePhase } from "./upgrade.ts";
