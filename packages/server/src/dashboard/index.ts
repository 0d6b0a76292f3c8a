/*
 * The live page of a server: its state, its problems, and their remedies.
 * Knows: the public API of the server, its counters and diagnostics channels, and HTTP.
 * Must not know: packets on the wire, transports, frames.
 * A part (`part.ts`) collects something and answers for its view; `parts.ts` lists them. `wire.ts` has the messages.
 */
export type { AskRole, BoardAction, BoardAuth, DashboardOptions } from "./options.ts";
export type { Payloads, Role, WhyPolling } from "./wire.ts";
export { type Board, dashboard } from "./board.ts";
export { DashboardError, type DashboardErrorCode } from "./errors.ts";
