/*
 * @portage/websocket: WebSocket (RFC 6455) over any Duplex stream, in both roles.
 * Knows: the sans-IO core (`core/`), streams, HTTP upgrade requests and the clock, and joins them.
 * Must not know: Engine.IO or Socket.IO. Text and bytes are opaque.
 * For programs written for `ws`: `WebSocket`, `WebSocketServer`, `createWebSocketStream`.
 * Without an emitter and its costs: `checkUpgrade` → `acceptUpgrade` or `refuseUpgrade`, and over
 * HTTP/2 `checkConnect` → `acceptConnect` or `refuseConnect`; for clients `connectLink`. An
 * accepted stream becomes a `WebSocketLink`, which reports to a `LinkHandler`.
 */
import { WebSocketServer } from "./server/websocket-server.ts";
import { createWebSocketStream } from "./websocket-stream.ts";
import { WebSocket } from "./websocket.ts";

export { systemClock } from "./clock.ts";
export type { Clock } from "./clock.ts";
export type { AddressInfo } from "node:net";
export type {
  CertMeta,
  Event,
  EventListenerOptions,
  FinishRequestCallback,
  PerMessageDeflateOptions,
  WebSocketEventMap,
} from "./compatible-types.ts";
export { ConnectError } from "./client/connect-error.ts";
export type { ConnectErrorCode } from "./client/connect-error.ts";
export { connectLink } from "./connect-link.ts";
export type { ConnectLinkHandler } from "./connect-link.ts";
export {
  checkDeflateOptions,
  DEFAULT_LIMITS,
  frameBinary,
  frameText,
  isValidCloseCode,
  OptionError,
  parseProtocols,
  ReceiveBudget,
  UsageError,
  VIOLATIONS,
  WebSocketError,
} from "./core/index.ts";
export type {
  BudgetHolder,
  ConnectOffer,
  DeflateOptions,
  Limits,
  RefusalCode,
  UpgradeKey,
  UpgradeRefusal,
  UsageErrorCode,
  ViolationCode,
} from "./core/index.ts";
export type { WebSocketEvents } from "./event-target.ts";
export { CloseEvent, ErrorEvent, MessageEvent, WebSocketEvent } from "./events.ts";
export type { LinkClose, LinkHandler, WebSocketLink } from "./link/link-types.ts";
export type { BinaryType, Data, RawData, Sendable, WebSocketOptions } from "./options.ts";
export type { AcceptOptions } from "./server/accept.ts";
export { acceptConnect, checkConnect, refuseConnect } from "./server/connect.ts";
export type { ConnectRequest } from "./server/connect.ts";
export type {
  ClientInfo,
  ServerOptions,
  VerifyCallback,
  VerifyClientCallbackAsync,
  VerifyClientCallbackSync,
} from "./server/server-options.ts";
export { RequestError } from "./server/server-request.ts";
export { acceptUpgrade, checkUpgrade, refuseUpgrade } from "./server/upgrade.ts";
export type { ServerEvents } from "./server/websocket-server.ts";
export type { ClientOptions, SendOptions } from "./websocket.ts";
export type { WriteCallback } from "./link/write-callbacks.ts";
export { createWebSocketStream, WebSocket, WebSocketServer };

// CommonJS: `const WebSocket = require("@portage/websocket")`, with the other names
// as properties, as in `ws`.
if (typeof module === "object" && module.exports === exports) {
  module.exports = Object.assign(WebSocket, exports, { Server: WebSocketServer });
}
