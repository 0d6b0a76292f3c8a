/*
 * Entry @portage/client/engine: the Engine.IO client alone, for programs written for engine.io-client.
 * Knows: the public part of the engine.
 * Must not know: its implementation.
 */
export {
  EngineError,
  ENGINE_ERRORS,
  Fetch,
  installTimerFunctions,
  nextTick,
  NodeWebSocket,
  NodeXHR,
  parse,
  protocol,
  readRetryAfter,
  Socket,
  Transport,
  TransportError,
  transports,
  WebSocket,
  XHR,
} from "./engine/index.ts";
export type {
  Attempt,
  BinaryType,
  CloseDetails,
  Cookie,
  Diagnosis,
  EngineErrorCode,
  Failure,
  HandshakeData,
  Packet,
  ParsedUri,
  RawData,
  SocketOptions,
  SocketReservedEvents,
  TransportCtor,
  TransportName,
  TransportReservedEvents,
  UpgradePhase,
  WriteOptions,
} from "./engine/index.ts";
