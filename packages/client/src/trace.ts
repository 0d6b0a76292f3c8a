/*
 * Entry @portage/client/trace: trace contexts of events, in both directions. Other programs do not load it.
 * Knows: the names of this entry.
 * Must not know: any tracer. Programs pass functions.
 */
export { type ReceivedTrace, type SentTrace, traced, type TraceOptions } from "./socketio/tracing.ts";
