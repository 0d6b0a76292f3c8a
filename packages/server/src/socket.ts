/*
 * `dist/socket.js`, a path that tracing tools patch and that programs import types from.
 * Knows: the names of that file in the npm package socket.io. The main entry gets its `Socket` from here, so that a
 * tool that waits for this file to be loaded sees it.
 * Must not know: how any of it works.
 */
export type { Handshake } from "./socketio/socket/handshake.ts";
export type { Event } from "./socketio/events/typed-events.ts";
export type { DisconnectReason, SocketReservedEventsMap } from "./socketio/socket/types.ts";
export { Socket } from "./socketio/socket/socket.ts";
