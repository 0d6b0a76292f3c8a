/*
 * `dist/typed-events`, a path that programs import the types of event maps from.
 * Knows: the names of that file in the npm package socket.io.
 * Must not know: how any of it works.
 */
export * from "./socketio/events/typed-events.ts";
