import { kOnHandlerError } from "../keys.ts";
import { type HandlerFailure, reportUnheard, watch } from "../../base/handler-errors.ts";
import type { Namespace } from "../namespace.ts";
import type { Socket } from "../socket/socket.ts";
import type { Untyped } from "./typed-events.ts";

/**
 * What `handler_error` listeners of a server get with the error.
 *
 * @example
 * io.on("handler_error", (error, { handler, event, socket }) => {
 *   console.error(`${handler} ${String(event ?? "")} for ${socket?.id}:`, error);
 * });
 */
export interface HandlerErrorContext extends HandlerFailure {
  /** The socket that it was about. */
  readonly socket?: Socket<Untyped, Untyped, Untyped>;
  /** The namespace in which it happened. */
  readonly namespace?: Namespace<Untyped, Untyped, Untyped>;
}

/** Somewhere to report failures to; adapters may be used with a namespace that has no real server. */
interface Surroundings {
  readonly server?: { [kOnHandlerError]?(error: unknown, context: HandlerErrorContext): void };
}

/** Reports a failure to the server of a namespace. */
export function fail(nsp: object | undefined, error: unknown, context: HandlerErrorContext): void {
  const { server } = (nsp ?? {}) as Surroundings;
  if (server?.[kOnHandlerError]) server[kOnHandlerError](error, context);
  else reportUnheard(error, context);
}

/** An adapter that answers later must not end the process when it fails. */
export function watchAdapter(result: unknown, nsp: object | undefined): void {
  if (result !== undefined) watch(result, (error) => failAdapter(error, nsp, "rejected"));
}

/** Calls an adapter from where its failure must not end what the caller is about. */
export function callAdapter(nsp: object, call: () => unknown): void {
  try {
    watchAdapter(call(), nsp);
  } catch (error) {
    failAdapter(error, nsp, "thrown");
  }
}

/** Reports that an adapter has failed. */
export function failAdapter(error: unknown, nsp: object | undefined, how: "thrown" | "rejected"): void {
  fail(nsp, error, { handler: "adapter", how, namespace: nsp as Namespace });
}
