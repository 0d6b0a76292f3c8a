// @portage/websocket: WebSocket (RFC 6455) over any Duplex stream.
// It knows the sans-IO core (`core/`), streams, HTTP upgrade requests and the clock, and joins them.
// It must not know Engine.IO or Socket.IO: text and bytes pass through without a look inside.
// `checkUpgrade` → `acceptUpgrade` or `refuseUpgrade`; an accepted stream is a `WebSocketLink`, its owner a `LinkHandler`.
// `frameText` and `frameBinary` make a frame once for many links.
export { systemClock } from "./clock.ts";
export type { Clock } from "./clock.ts";
export { DEFAULT_LIMITS, frameBinary, frameText, isValidCloseCode, VIOLATIONS, WebSocketError } from "./core/index.ts";
export type { Limits, RefusalCode, UpgradeKey, UpgradeRefusal, ViolationCode } from "./core/index.ts";
export type { LinkClose, LinkHandler, WebSocketLink } from "./link.ts";
export { acceptUpgrade, checkUpgrade, refuseUpgrade } from "./upgrade.ts";
export type { AcceptOptions } from "./upgrade.ts";
