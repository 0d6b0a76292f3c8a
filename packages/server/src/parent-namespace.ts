/*
 * `dist/parent-namespace`, a path that programs import the type of what `io.of(/re/)` returns from.
 * Knows: the name of that file in the npm package socket.io.
 * Must not know: how any of it works.
 */
export { ParentNamespace } from "./socketio/parent-namespace.ts";
