import { performance } from "node:perf_hooks";
import { type Clock, systemClock as realTime } from "@portage/websocket";

export type { Clock };

/** A pending call that can be cancelled or delayed. */
export type PendingCall = ReturnType<Clock["after"]>;

/** Longest delay of `setTimeout`, about 25 days; it fires at once for a longer one. */
export const LONGEST_TIMEOUT = 2 ** 31 - 1;

/** The original, so that a test that fakes `performance.now` does not stop all heartbeats. */
const now = performance.now.bind(performance);

/** The real clock, with the timers of the WebSocket package. */
export const serverClock: Clock = { now, after: (ms, fn) => realTime.after(ms, fn) };
