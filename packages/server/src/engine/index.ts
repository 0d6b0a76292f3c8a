/*
 * The engine: Engine.IO sessions over long-polling and WebSocket, and the upgrade between them.
 * Knows: transports, packets of types 0 to 6, heartbeats, and the HTTP requests that carry them.
 * Must not know: namespaces, rooms or acknowledgements: a message is a string or a Buffer.
 * The layer above receives messages through a SessionHandler, by direct calls, and sends through Session.
 * @portage/websocket handles WebSocket frames, @portage/parser encodes packets.
 */
export { type ErrorCallback } from "./report/refusals.ts";
export type { BudgetHolder, ReceiveBudget } from "@portage/websocket";
export { isTraceparent } from "@portage/parser/engine";
export { BaseServer } from "./base-server.ts";
export { carryLimits, type CarryOptions } from "./carry/options.ts";
export {
  CLOSE_CODES,
  closeError,
  closeKind,
  closeRecord,
  type CloseReason,
  type CloseSide,
  type CodeText,
  defineCloseCodes,
  isNormalEnd,
  limitRecord,
  type Retry,
} from "./report/close-codes.ts";
export type { Congestion } from "./outgoing/congestion.ts";
export { DRAIN_DEADLINE, type DrainOptions } from "./departure.ts";
export { EventMark } from "./outgoing/prepared-message.ts";
export { DURATION_BOUNDS, type Exemplar, Histogram, type HistogramReport, LATENCY_BOUNDS } from "./report/histogram.ts";
export { defineLimitCodes, LIMIT_CODES, type LimitHit } from "./report/limit-codes.ts";
export { SLOW_READER_DEFAULTS, type SlowPolicy, type SlowReaderOptions } from "./outgoing/slow-reader.ts";
export { durationsOf, type EngineReport, reportOf } from "./stats-report.ts";
export { count, ENGINE_RULES, type Tally, type UpgradeFailure, UPGRADE_FAILURES } from "./report/stats.ts";
export { chooseEncoding } from "./http/compression.ts";
export { corsMiddleware } from "./http/cors.ts";
export type { CorsMismatch } from "./admission/cors-check.ts";
export { type Middleware, runMiddlewares } from "./http/middleware.ts";
export type { ServerOptions } from "./options.ts";
export type { AttachOptions } from "./http/attachment.ts";
export { isAbsent, limitFrom, refuseOption } from "./option-checks.ts";
export { PreparedMessage } from "./outgoing/prepared-message.ts";
export { EventMessage, OWN_ID } from "./outgoing/shared-event.ts";
export {
  kEngineClock,
  kEnqueue,
  kTraceWire,
  kCongestion,
  kFailSession,
  kHostListens,
  kSetSessionHandler,
  kIsAttached,
  kPeekRequest,
  kReportSessionLimit as kOnEngineLimit,
  kReceiving,
  kGate,
  kReturnTime,
  kShutDown,
  kSelf,
  kSendPrepared,
  kTakeClosing,
  kTakeDrain,
  kTakeEnd,
  kTakeError,
  kTakeMessage,
  kWatchQueue,
  kSlowReader,
  kTap,
  kUpgradeTrouble,
} from "./keys.ts";
export type { EngineCluster } from "./relay/relay.ts";
export { randomId } from "./random-id.ts";
export { type ConnectionError, REFUSALS } from "./report/refusals.ts";
export { Server } from "./server.ts";
export { isSession, Session } from "./session/session.ts";
export type { PacketTap } from "./session/tap.ts";
export type { SendFlags, SessionHandler, SessionHost, TraceWire } from "./session/host.ts";
export { Transport } from "./transports/transport.ts";
export { EventStreamTransport } from "./transports/event-stream.ts";
export { invite } from "./admission/invitation.ts";
export { PollingTransport } from "./transports/polling.ts";
export { checkFunction, kindOf, UsageError } from "./usage-errors.ts";
export { WebSocketTransport } from "./transports/websocket.ts";
export type { SessionClient, WebTransportSession } from "./admission/webtransport-opening.ts";
export { WebTransportTransport } from "./transports/webtransport.ts";
