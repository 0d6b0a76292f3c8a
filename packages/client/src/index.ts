/*
 * Main entry of @portage/client: the names of the npm package socket.io-client.
 * Knows: the public names.
 * Must not know: their implementation.
 */
import { createLookup, type Lookup } from "./socketio/lookup.ts";
import { Manager } from "./socketio/manager.ts";
import { Socket } from "./socketio/socket.ts";

/** `io()` with its properties. */
export interface Io extends Lookup {
  /** The function itself. */
  io: Io;
  /** The function itself. */
  connect: Io;
  /** Shares one connection between namespaces. */
  Manager: typeof Manager;
  /** A connection to one namespace. */
  Socket: typeof Socket;
}

const lookup = /* @__PURE__ */ createLookup(Manager) as Io;

/**
 * Connects to a namespace of a server.
 *
 * @example
 * const socket = io("https://example.org/chat", { auth: { token: "x" } });
 * socket.on("connect", () => socket.emit("hello"));
 */
export const io: Io = /* @__PURE__ */ Object.assign(lookup, { io: lookup, connect: lookup, Manager, Socket });

export { io as connect, io as default, Manager, Socket };
export { Fetch, NodeWebSocket, NodeXHR, WebSocket, XHR } from "./engine/index.ts";
export { protocol } from "./protocol.ts";
export { ClientError, type ClientErrorCode } from "./socketio/errors.ts";
export type { ManagerDiagnosis, ManagerReservedEvents } from "./socketio/manager.ts";
export type { ManagerOptions, SocketOptions } from "./socketio/options.ts";
export type { DisconnectDescription, SocketReservedEvents } from "./socketio/socket.ts";
export type { ExtendedError } from "./socketio/typed-events.ts";
export type { DefaultEventsMap, EventsMap } from "./typed-events.ts";
