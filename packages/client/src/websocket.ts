/*
 * Entry @portage/client/websocket: the client without HTTP long-polling and the upgrade from it.
 * Knows: that its managers connect over WebSocket alone. Bundles for browsers leave the rest of the engine out.
 */
import { createLookup } from "./socketio/lookup.ts";
import { Manager as AnyManager } from "./socketio/manager.ts";
import type { ManagerOptions } from "./socketio/options.ts";
import type { Lookup } from "./socketio/lookup.ts";
import type { DefaultEventsMap, EventsMap } from "./typed-events.ts";

/** Opens, keeps and reopens one connection over WebSocket, which the sockets of several namespaces share. */
export class Manager<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
> extends AnyManager<ListenEvents, EmitEvents> {
  /** See {@link AnyManager}; the default of `transports` is `["websocket"]` here. */
  constructor(uri?: string, opts?: Partial<ManagerOptions>) {
    super(uri, { transports: ["websocket"], ...opts });
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
