/*
 * Entry @portage/client/websocket: the client without HTTP long-polling and upgrades.
 * Knows: that its managers connect over WebSocket alone. Does not load the rest of the engine.
 */
import type { Session } from "./engine/index.ts";
import { WebSocketSocket } from "./engine/websocket-socket.ts";
import { BaseManager } from "./socketio/manager.ts";
import { createLookup } from "./socketio/lookup.ts";
import type { ManagerOptions } from "./socketio/options.ts";
import type { Lookup } from "./socketio/lookup.ts";
import type { DefaultEventsMap, EventsMap } from "./typed-events.ts";

/** Opens and reopens one connection over WebSocket, shared by the sockets of several namespaces. */
export class Manager<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
> extends BaseManager<ListenEvents, EmitEvents> {
  override createEngine_(uri: string | undefined, opts: Partial<ManagerOptions>): Session {
    return new WebSocketSocket(uri, opts);
  }
}

/**
 * Connects to a namespace of a server over WebSocket.
 *
 * @example
 * import { io } from "@portage/client/websocket";
 * const socket = io("https://example.org/chat");
 */
export const io: Lookup = /* @__PURE__ */ createLookup(Manager);

export { io as connect, io as default };
export { protocol } from "./protocol.ts";
export { ClientError, type ClientErrorCode } from "./socketio/errors.ts";
export type { ManagerDiagnosis, ManagerReservedEvents } from "./socketio/manager.ts";
export type { ManagerOptions, SocketOptions } from "./socketio/options.ts";
export { type DisconnectDescription, Socket, type SocketReservedEvents } from "./socketio/socket.ts";
export type { ExtendedError } from "./socketio/typed-events.ts";
export type { DefaultEventsMap, EventsMap } from "./typed-events.ts";
