/*
 * Socket.IO: namespaces, rooms, events and acknowledgements over the sessions of the engine.
 * Knows: Socket.IO packets and their meaning, users' listeners and middlewares, and adapters, third-party ones included.
 * Must not know: transports, Engine.IO packets, heartbeats or WebSocket frames. A session sends and ends.
 * The engine passes messages to a Client by direct calls; @portage/parser encodes packets.
 * Members that begin with an underscore exist for third-party adapters and tools: see adapter/surface.ts.
 */
import * as roomTable from "./adapter/room-table.ts";

export { InMemoryAdapter } from "./adapter/in-memory.ts";
export { RESERVED_EVENTS } from "@portage/parser/socket";
export { AckTimeoutError, ReservedEventError, SocketIoError, type SocketIoErrorCode } from "./report/errors.ts";
export type { ConnectRefused } from "./client/connect-refused.ts";
export type { EventSourceOptions } from "./event-source/handler.ts";
export type { Handshake } from "./socket/handshake.ts";
export { type HandlerErrorContext, type ExtendedError, Namespace } from "./namespace.ts";
export type { ServerOptions } from "./options.ts";
export {
  type AnswerFollower,
  type BroadcastAnswers,
  type BroadcastLook,
  observeServer,
  type PacketFollower,
  type PacketLook,
  type PacketProbe,
} from "./probe.ts";
export { Server } from "./server.ts";
export type { EngineReport, SlowPolicy, SlowReaderOptions } from "../engine/index.ts";
export type { AnyHttpServer } from "./host/http-server.ts";
export type { ServerReport } from "./host/server-tally.ts";
export type { DisconnectCode } from "./report/close-codes.ts";
export type { DisconnectReason } from "./socket/types.ts";
export type { DefaultEventsMap, Event, EventsMap } from "./events/typed-events.ts";

type Rooms = ReadonlyMap<string, ReadonlySet<string>>;
// Their types are spelled out: declarations that lead to the room table have types that TypeScript before 5.6 lacks.
/** Returns the number of members of a room, without making a Set. */
export const sizeOfRoom: (rooms: Rooms, room: string) => number = roomTable.memberCount;
/** Returns the members of a room, without storing a Set. */
export const membersOfRoom: (rooms: Map<string, Set<string>>, room: string) => ReadonlySet<string> =
  roomTable.membersOf;
