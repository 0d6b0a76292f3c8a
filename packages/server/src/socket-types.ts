/*
 * `dist/socket-types`, a path that programs import the types of a handshake and of a disconnection from.
 * Knows: the names of that file in the npm package socket.io.
 * Must not know: how any of it works.
 */
import type { Untyped } from "./typed-events.ts";

export { RESERVED_EVENTS } from "@portage/parser/socket";
export type { Handshake } from "./socketio/socket/handshake.ts";
export type { DisconnectReason, SocketReservedEventsMap } from "./socketio/socket/types.ts";

/** The events that every emitter of Node.js emits by itself. */
export interface EventEmitterReservedEventsMap {
  newListener: (eventName: string | symbol, listener: (...args: Untyped[]) => void) => void;
  removeListener: (eventName: string | symbol, listener: (...args: Untyped[]) => void) => void;
}
