// The sans-IO core of WebSocket (RFC 6455): bytes in, calls and bytes out, for both roles.
// It knows frames, masking, fragments, UTF-8, close codes, the opening handshake's rules and what breaks them.
// It must not know streams, sockets, timers, emitters or where the time comes from: those are given to it.
// One `WebSocketConnection` is one connection after its handshake; its `WebSocketHandler` hears what happened.
// Every refusal has a code in `violations.ts` (frames) or `handshake.ts` (requests).
export { isValidCloseCode, CLOSE_CODE } from "./close-code.ts";
export { WebSocketConnection } from "./connection.ts";
export type { ConnectionOptions, Phase, WebSocketHandler } from "./connection.ts";
export { frameBinary, frameText, OPCODE } from "./frame.ts";
export type { DataOpcode } from "./frame.ts";
export { acceptKey, checkHandshake } from "./handshake.ts";
export type { HandshakeRequest, RefusalCode, UpgradeKey, UpgradeRefusal } from "./handshake.ts";
export { DEFAULT_LIMITS } from "./limits.ts";
export type { Limits, Role } from "./limits.ts";
export { VIOLATIONS, WebSocketError } from "./violations.ts";
export type { ViolationCode } from "./violations.ts";
