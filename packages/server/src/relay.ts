/*
 * Entry @portage/server/relay: what packages use that make several processes act as one, such as @portage/cluster.
 * Knows: what is public.
 * Must not know: how any of it works.
 */
export type {
  DrainPace,
  EngineCluster,
  RelayHost,
  RelayRefusal,
  RelayVerdict,
  SessionRelay,
} from "./engine/relay/relay.ts";
export type { RespondToConnect, StreamHandshake, TakenStream } from "./engine/admission/stream-handshake.ts";
export type { TransportRequest } from "./engine/http/request.ts";
export { prepareRequest } from "./engine/http/request.ts";
export { forgetRequest } from "./engine/http/forgotten.ts";
export { brokeOff, hangUpAfter, isGone } from "./engine/http/http2.ts";
export { randomId } from "./engine/random-id.ts";
export { type Clock, type PendingCall, serverClock } from "./base/clock.ts";
export { createLog } from "./base/log.ts";
export { Emitter } from "./base/emitter.ts";
export { nextTurn, runNextTick } from "./base/turn.ts";
export type {
  Cluster,
  ClusterEvent,
  ClusterEvents,
  ClusterNode,
  ClusterRefusal,
  NodeQuestions,
  NodeState,
} from "./socketio/cluster.ts";
export type { ClusterReport, ExchangeReport, LinkReport } from "./socketio/host/cluster-report.ts";
export { describeSocket } from "./socketio/adapter/cluster/messages.ts";
export type {
  CollectingAdapter,
  KeepingAdapter,
  OnCollected,
  RecordedSocket,
  RecordingAdapter,
  ResumingAdapter,
} from "./socketio/adapter/adapter.ts";
export { type EncodedPacket, hasLastText, withOffset } from "./socketio/adapter/encoded-packet.ts";
export type { AdapterNamespace, AdapterPacket } from "./socketio/adapter/surface.ts";
export {
  AckTimeoutError,
  MissingAnswersError,
  SERVER_RESERVED_EVENTS,
  SocketIoError,
  type SocketIoErrorCode,
} from "./socketio/report/errors.ts";
export { failAdapter } from "./socketio/events/listener-errors.ts";
export {
  kAnswers,
  kCollectAnswers,
  kEndSession,
  kFinishSending,
  kGuardsItself,
  kOneSocket,
  kOpenSession,
  kResumeSession,
  kSendInOrder,
  kTally,
  kWhenTaken,
} from "./socketio/keys.ts";
export { decodeValues, encodeValues } from "./socketio/packets/values.ts";
export { completeRecovery, replayLimit, type ResolvedRecovery } from "./socketio/recovery/options.ts";
export { kEngineClock, kHostListens } from "./engine/index.ts";
export { yieldSession } from "./socketio/socket/recovery.ts";
export { type AnswerRecord, AnswerWindow } from "./socketio/recovery/answers.ts";
export { isMeantFor, type MissedEvent } from "./socketio/recovery/kept-event.ts";
export type { KeptPacket, PacketOrigin } from "./socketio/recovery/packet-log.ts";
export type { RestoredSession, SessionToPersist } from "./socketio/adapter/adapter.ts";
