/**
 * Phases of long-polling.
 *
 * - `open`: packets flow both ways
 * - `closing`: the owner has closed it, and the next poll carries the close packet
 * - `retiring`: the session has moved to another transport, and the last POST is still to be delivered
 * - `closed`: it has ended
 */
export type PollingPhase = "open" | "closing" | "retiring" | "closed";

/** Inputs: a poll has arrived, a POST is over, or the timer has fired. */
export type PollingSignal = "polled" | "posted" | "timeout";

type PollingAction =
  /** Requests packets from the owner. */
  | "drain"
  /** Sends the close packet, if a poll is pending, and ends. */
  | "send close"
  /** Ends silently. */
  | "end"
  | "ignore";

/**
 * What each signal does in each phase. `close` leads from `open` to `closing`, `retire` to `retiring`; if nothing is pending,
 * they end at once. `discard` and failures lead from every phase to `closed`.
 */
export const POLLING_LIFE: Readonly<Record<PollingPhase, Readonly<Record<PollingSignal, PollingAction>>>> = {
  open: { polled: "drain", posted: "ignore", timeout: "ignore" },
  closing: { polled: "send close", posted: "ignore", timeout: "send close" },
  retiring: { polled: "drain", posted: "end", timeout: "end" },
  closed: { polled: "ignore", posted: "ignore", timeout: "ignore" },
};
