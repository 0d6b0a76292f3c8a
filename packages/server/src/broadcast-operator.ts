/*
 * `dist/broadcast-operator.js`, a path that tracing tools patch and that programs import types from.
 * Knows: the names of that file in the npm package socket.io. The main entry gets them from here, so that a tool that
 * waits for this file to be loaded sees it.
 * Must not know: how any of it works.
 */
export { BroadcastOperator } from "./socketio/broadcast/operator.ts";
export { RemoteSocket } from "./socketio/broadcast/operator.ts";
