/*
 * `dist/client`, a path that programs import the type of `socket.client` from.
 * Knows: the name of that file in the npm package socket.io.
 * Must not know: how any of it works.
 */
export { Client } from "./socketio/client/client.ts";
