import type { PendingCall } from "../../base/clock.ts";
import type { CloseReason } from "../report/close-codes.ts";

/**
 * Phases of long-polling.
 *
 * - `open`: packets flow both ways
 * - `closing`: the owner has closed it, and the next poll carries the close packet
 * - `moved`: the close packet was sent, and POSTs that were on their way are still delivered
 * - `retiring`: the session has moved to another transport, and the last POST is still to be delivered
 * - `closed`: it has ended
 */
export type PollingPhase = "open" | "closing" | "moved" | "retiring" | "closed";

/** Inputs: a poll has arrived, a POST is over, or the timer has fired. */
export type PollingSignal = "polled" | "posted" | "timeout";

type PollingAction =
  /** Requests packets from the owner. */
  | "drain"
  /** Sends the close packet, if a poll is pending, and ends. */
  | "send close"
  /** Sends the close packet once more. */
  | "repeat close"
  /** Ends silently. */
  | "end"
  | "ignore";

/**
 * What each signal does in each phase. `close` leads from `open` to `closing`, and to `moved` once the close packet of a
 * session that moves was sent; `retire` leads to `retiring`. If nothing is pending, they end at once. `discard` and failures
 * lead from every phase to `closed`.
 */
export const POLLING_LIFE: Readonly<Record<PollingPhase, Readonly<Record<PollingSignal, PollingAction>>>> = {
  open: { polled: "drain", posted: "ignore", timeout: "ignore" },
  closing: { polled: "send close", posted: "ignore", timeout: "send close" },
  moved: { polled: "repeat close", posted: "ignore", timeout: "end" },
  retiring: { polled: "drain", posted: "end", timeout: "end" },
  closed: { polled: "ignore", posted: "ignore", timeout: "ignore" },
};

/** How a closing or retiring transport will end. */
export interface PendingEnd {
  phase: "closing" | "moved" | "retiring";
  /** Called after it has closed or retired. */
  readonly done: (() => void) | undefined;
  /** The reason given to `close`. */
  readonly why: CloseReason | undefined;
  timer: PendingCall | undefined;
}
