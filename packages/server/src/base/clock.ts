import { performance } from "node:perf_hooks";
import { type Clock, systemClock as realTime } from "@portage/websocket";

export type { Clock };

/** A pending call that can be taken back or put off. */
export type Timer = ReturnType<Clock["after"]>;

/** The longest delay that `setTimeout` takes: it fires at once for a longer one. About 25 days. */
export const LONGEST_DELAY = 2 ** 31 - 1;

/** As it was at first: a program's test that stops `performance.now` must not stop the heartbeats of all sessions. */
const now = performance.now.bind(performance);

/** The clock of the machine, whose timers are those of WebSockets. */
export const systemClock: Clock = { now, after: (ms, fn) => realTime.after(ms, fn) };
