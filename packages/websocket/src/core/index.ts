/*
 * The sans-IO core of WebSocket (RFC 6455, RFC 7692): bytes in, calls and
 * bytes out, for both roles.
 * Knows: frames, masking, fragments, UTF-8, close codes, compression, both ends of the opening
 * handshake, and their violations.
 * Must not know: streams, sockets, timers, emitters. Its owner supplies the time.
 * One `WebSocketConnection` is one connection after its handshake; it reports
 * to its `WebSocketHandler`.
 * Every refusal has a code: in `violations.ts` (frames), `handshake.ts` (requests) or
 * `client-handshake.ts` (responses).
 */
export { checkAnswer, handshakeHeaders, newKey } from "./handshake/client-handshake.ts";
export type { AnswerRefusalCode, ClientOffer } from "./handshake/client-handshake.ts";
export { checkConnectHandshake } from "./handshake/connect-handshake.ts";
export type { ConnectOffer } from "./handshake/connect-handshake.ts";
export { CLOSE_CODE, isValidCloseCode, MAX_REASON_BYTES } from "./frames/close-code.ts";
export { WebSocketConnection } from "./connection.ts";
export type { ConnectionOptions, ConnectionPhase, WebSocketHandler } from "./connection-contract.ts";
export type { DeflateSettings } from "./deflate/deflate.ts";
export { checkDeflateOptions } from "./deflate/deflate-options.ts";
export { negotiateDeflate } from "./deflate/deflate-params.ts";
export type { DeflateAgreement, DeflateOptions, DeflateParams } from "./deflate/deflate-params.ts";
export { parseExtensions } from "./handshake/extensions.ts";
export { frameBinary, frameText, MAX_CONTROL_PAYLOAD, OPCODE } from "./frames/frame.ts";
export { EMPTY } from "./frames/native-buffer.ts";
export type { DataOpcode } from "./frames/frame.ts";
export { acceptKey, checkExtensions, checkHandshake, checkProtocols } from "./handshake/handshake.ts";
export type { RefusalCode, UpgradeKey, UpgradeRefusal } from "./handshake/handshake.ts";
export { DEFAULT_LIMITS, limitsOf } from "./limits.ts";
export type { Limits, Role } from "./limits.ts";
export { OptionError } from "./option-error.ts";
export { ReceiveBudget } from "./receive-budget.ts";
export type { BudgetHolder } from "./receive-budget.ts";
export { soon } from "./soon.ts";
export { areValidProtocols, parseProtocols } from "./handshake/subprotocol.ts";
export { UsageError } from "./usage-error.ts";
export type { UsageErrorCode } from "./usage-error.ts";
export { VIOLATIONS, WebSocketError } from "./violations.ts";
export type { ViolationCode } from "./violations.ts";
