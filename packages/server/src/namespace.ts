/*
 * `dist/namespace`, a path that programs import the type of a middleware's error from.
 * Knows: the names of that file in the npm package socket.io.
 * Must not know: how any of it works.
 */
export { type ExtendedError, Namespace, type NamespaceReservedEventsMap } from "./socketio/namespace.ts";
export type { ServerReservedEventsMap } from "./socketio/server.ts";
