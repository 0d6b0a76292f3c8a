/*
 * `dist/socket-types`, a path that programs import the types of a handshake and of a disconnection from.
 * Knows: the names of that file in the npm package socket.io.
 * Must not know: how any of it works.
 */
export type { EventEmitterReservedEventsMap } from "./socketio/events/typed-events.ts";
export { RESERVED_EVENTS } from "@portage/parser/socket";
export type { Handshake } from "./socketio/socket/handshake.ts";
export type { DisconnectReason, SocketReservedEventsMap } from "./socketio/socket/types.ts";
