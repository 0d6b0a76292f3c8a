import { kReportHandlerError } from "../keys.ts";
import { callProgram, type FailureKind, onRejection } from "../../base/guarded.ts";
import { type HandlerFailure, reportUnheard } from "../../base/handler-errors.ts";

/** The failed function, with its socket or namespace. The server narrows these types for listeners. */
export interface FailureContext extends HandlerFailure {
  readonly socket?: object;
  readonly namespace?: object;
}

/** The server of a namespace, as failures need it. Adapters may be used with a namespace that has none. */
interface ReportingNamespace {
  readonly server?: { [kReportHandlerError]?(error: unknown, context: FailureContext): void };
}

/** Reports a failure to the server of a namespace. */
export function failHandler(nsp: object | undefined, error: unknown, context: FailureContext): void {
  const { server } = (nsp ?? {}) as ReportingNamespace;
  if (server?.[kReportHandlerError]) server[kReportHandlerError](error, context);
  else reportUnheard(error, context);
}

/** Reports a rejection of an adapter's promise, which would otherwise end the process. */
export function watchAdapter(result: unknown, nsp: object | undefined): void {
  if (result !== undefined) onRejection(result, (error) => failAdapter(error, nsp, "rejected"));
}

/** Calls an adapter, and reports its failure instead of throwing it to the caller. */
export function callAdapter(nsp: object, call: () => unknown): void {
  callProgram(call, [], (error, how) => failAdapter(error, nsp, how));
}

/** Reports that an adapter has failed. */
export function failAdapter(error: unknown, nsp: object | undefined, how: FailureKind): void {
  failHandler(nsp, error, { handler: "adapter", how, ...(nsp && { namespace: nsp }) });
}
