/*
 * Main entry of @portage/parser: a drop-in for `socket.io-parser`.
 * Knows: the names of the Socket.IO packet codec, by re-export; nothing of its own.
 * Must not know: the engine codecs, which are entries of their own (`/engine`, `/engine-v3`).
 */
export * from "./socket.ts";
