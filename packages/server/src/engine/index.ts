/*
 * The engine: Engine.IO sessions over long-polling and WebSocket, and the upgrade between them.
 * It knows transports, packets of types 0 to 6, heartbeats, and the HTTP requests that carry them.
 * It must not know namespaces, rooms or acknowledgements: a message is a string or a Buffer.
 * The layer above gets messages through a SessionHandler, by direct calls, and sends through Session.
 * WebSocket frames are the business of @portage/websocket, packet codecs that of @portage/parser.
 */
export {
  type AdmittedSession,
  ERROR_CODES,
  ERROR_MESSAGES,
  type ErrorCallback,
  type ErrorCode,
} from "./admission/admission.ts";
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
} from "./report/close-codes.ts";
export type { Congestion } from "./outgoing/congestion.ts";
export { type DrainOptions } from "./departure.ts";
export { EventMark } from "./outgoing/event-mark.ts";
export { LIMIT_CODES, type LimitCode, type LimitHit } from "./report/limit-codes.ts";
export type { SlowPolicy, SlowReaderOptions } from "./outgoing/slow-reader.ts";
export { type EngineReport, reportOf } from "./report/stats-report.ts";
export { count, ENGINE_RULES, EngineStats, type Tally, UPGRADE_FAILURES } from "./report/stats.ts";
export { chooseEncoding, type HttpCompression } from "./http/compression.ts";
export { corsMiddleware } from "./http/cors.ts";
export type { CorsMismatch } from "./admission/cors-check.ts";
export { type Middleware, runMiddlewares } from "./http/middleware.ts";
export type { AllowRequest, AttachOptions, CookieOptions, ServerOptions, TransportName } from "./options.ts";
export { isAbsent, limitFrom } from "./option-checks.ts";
export { PreparedMessage } from "./outgoing/prepared-message.ts";
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
export { type ConnectionError, REFUSALS, type RefusalName } from "./admission/refusals.ts";
export { Server } from "./server.ts";
export type { SendCallback } from "./session/send-callbacks.ts";
export { isSession, Session } from "./session/session.ts";
export type { SendFlags, SessionHandler, SessionState } from "./session/host.ts";
export { Transport, type TransportState } from "./transports/transport.ts";
export { Polling } from "./transports/polling.ts";
export { PollingJsonp } from "./transports/polling-jsonp.ts";
export { checkFunction, kindOf, USAGE_ERRORS, UsageError } from "./usage-errors.ts";
export { WebSocketTransport } from "./transports/websocket.ts";
