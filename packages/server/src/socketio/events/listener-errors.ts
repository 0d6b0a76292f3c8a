import { kOnHandlerError } from "../keys.ts";
import { callProgram, type FailureKind, watch } from "../../base/guarded.ts";
import { type HandlerFailure, reportUnheard } from "../../base/handler-errors.ts";

/** What failed, and for which socket or namespace: what listeners get is typed by the server. */
export interface FailureContext extends HandlerFailure {
  readonly socket?: object;
  readonly namespace?: object;
}

/** Somewhere to report failures to; adapters may be used with a namespace that has no real server. */
interface Surroundings {
  readonly server?: { [kOnHandlerError]?(error: unknown, context: FailureContext): void };
}

/** Reports a failure to the server of a namespace. */
export function fail(nsp: object | undefined, error: unknown, context: FailureContext): void {
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
  callProgram(call, [], (error, how) => failAdapter(error, nsp, how));
}

/** Reports that an adapter has failed. */
export function failAdapter(error: unknown, nsp: object | undefined, how: FailureKind): void {
  fail(nsp, error, { handler: "adapter", how, ...(nsp && { namespace: nsp }) });
}
