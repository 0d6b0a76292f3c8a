/*
 * The engine: Engine.IO sessions over long-polling and WebSocket, and the upgrade between them.
 * It knows transports, packets of types 0 to 6, heartbeats, and the HTTP requests that carry them.
 * It must not know namespaces, rooms or acknowledgements: a message is a string or a Buffer.
 * The layer above gets messages through a SessionHandler, by direct calls, and sends through Session.
 * WebSocket frames are the business of @portage/websocket, packet codecs that of @portage/parser.
 */
export { type AdmittedSession, ERROR_CODES, ERROR_MESSAGES, type ErrorCallback, type ErrorCode } from "./admission.ts";
export type { BudgetHolder, ReceiveBudget } from "@portage/websocket";
export { BaseServer } from "./base-server.ts";
export {
  CLOSE_CODES,
  type ClassicReason,
  type CloseCode,
  closeError,
  closeReason,
  type CloseReason,
  type CloseSide,
  EngineError,
  limitExceeded,
} from "./close-reason.ts";
export type { Congestion } from "./congestion.ts";
export { type DrainOptions } from "./departure.ts";
export { EventMark } from "./event-mark.ts";
export { LIMIT_CODES, type LimitCode, type LimitHit } from "./limit-codes.ts";
export type { SlowPolicy, SlowReaderOptions } from "./slow-reader.ts";
export { type EngineReport, reportOf } from "./stats-report.ts";
export { count, ENGINE_RULES, EngineStats, type Tally, UPGRADE_FAILURES } from "./stats.ts";
export { chooseEncoding, type HttpCompression } from "./http-compression.ts";
export { corsMiddleware } from "./cors.ts";
export type { CorsMismatch } from "./cors-check.ts";
export { type Middleware, runMiddlewares } from "./middleware.ts";
export type { AllowRequest, AttachOptions, CookieOptions, ServerOptions, TransportName } from "./options.ts";
export { isAbsent, limitFrom } from "./option-checks.ts";
export { PreparedMessage } from "./prepared-message.ts";
export {
  kClock,
  kCongestion,
  kFail,
  kHandle,
  kHeartbeat,
  kIsAttached,
  kPeekRequest,
  kOnLimit as kOnEngineLimit,
  kReceiving,
  kShutDown,
  kSelf,
  kSendPrepared,
  kStats,
  kWatchQueue,
} from "./keys.ts";
export { randomId } from "./random-id.ts";
export { type ConnectionError, REFUSALS, type RefusalName } from "./refusals.ts";
export { Server } from "./server.ts";
export type { SendCallback } from "./send-callbacks.ts";
export { isSession, Session } from "./session.ts";
export type { SendFlags, SessionHandler, SessionState } from "./session-host.ts";
export { Transport, type TransportState } from "./transport.ts";
export { Polling } from "./transports/polling.ts";
export { PollingJsonp } from "./transports/polling-jsonp.ts";
export { checkFunction, kindOf, USAGE_ERRORS, UsageError } from "./usage-errors.ts";
export { WebSocketTransport } from "./transports/websocket.ts";
