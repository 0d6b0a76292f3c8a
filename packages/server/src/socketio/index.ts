/*
 * Socket.IO: namespaces, rooms, events and acknowledgements over the sessions of the engine.
 * Knows: Socket.IO packets and what they mean, users' listeners and middlewares, and adapters, also those of others.
 * Must not know: transports, Engine.IO packets, heartbeats or WebSocket frames: a session sends and ends, no more.
 * The engine hands messages to a Client by direct calls; how packets are encoded is the business of @portage/parser.
 * Members that begin with an underscore are there for adapters and tools of others: see adapter/surface.ts.
 */
export { InMemoryAdapter } from "./adapter/in-memory.ts";
export { AckTimeoutError, ReservedEventError, SocketIoError, type SocketIoErrorCode } from "./report/errors.ts";
export type { ConnectRefused } from "./client/connect-refused.ts";
export type { Handshake } from "./socket/handshake.ts";
export { type HandlerErrorContext, type ExtendedError, Namespace } from "./namespace.ts";
export type { ServerOptions } from "./options.ts";
export { Server } from "./server.ts";
export type { EngineReport, SlowPolicy, SlowReaderOptions } from "../engine/index.ts";
export type { ServerReport } from "./host/server-tally.ts";
export type { DisconnectCode } from "./report/close-codes.ts";
export type { DisconnectReason } from "./socket/types.ts";
export type { DefaultEventsMap, Event, EventsMap } from "./events/typed-events.ts";
