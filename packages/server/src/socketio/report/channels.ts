import { type Channel, channel } from "node:diagnostics_channel";

/**
 * Messages of this layer on `node:diagnostics_channel`; only the last is sent per event:
 *
 * - `portage.namespace.join`: `{ socket, namespace }`, a socket is connected
 * - `portage.namespace.leave`: `{ socket, namespace, reason }`, a CloseReason
 * - `portage.namespace.refused`: `{ server, code, namespace, message, conn, socket }`, as `connect_refused` gets it
 * - `portage.handler_error`: `{ server, error, context }`, as `handler_error` gets it
 * - `portage.recovery`: `{ server, namespace, code }`; `code` is undefined for a client that has resumed its session
 * - `portage.cluster`: `{ server, code, error }`, a message of the bus was ignored
 * - `portage.event.handled`: `{ server, counts, seconds, trace }`, the listeners are done; with the option `eventMetrics`
 */
export const LAYER_CHANNELS: Readonly<
  Record<"join" | "leave" | "refused" | "handlerError" | "recovery" | "cluster" | "handled", Channel>
> = {
  join: channel("portage.namespace.join"),
  leave: channel("portage.namespace.leave"),
  refused: channel("portage.namespace.refused"),
  handlerError: channel("portage.handler_error"),
  recovery: channel("portage.recovery"),
  cluster: channel("portage.cluster"),
  handled: channel("portage.event.handled"),
};
