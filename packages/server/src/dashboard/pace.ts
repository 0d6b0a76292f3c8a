/** Milliseconds between two messages with packets of a tap, or lines of the log, to a page. */
export const SEND_INTERVAL = 200;
export const SENDS_A_SECOND = 1000 / SEND_INTERVAL;
