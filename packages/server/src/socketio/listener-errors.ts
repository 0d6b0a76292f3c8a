import { createLog } from "../log.ts";
import { SocketIoError, type SocketIoErrorCode } from "./errors.ts";

const log = createLog("socket.io:errors");

function rethrow(error: unknown): never {
  throw error;
}

/**
 * Lets an exception of the application reach `uncaughtException`, in a turn of its own: it must not unwind through the
 * layers below, which would leave a connection with half of its bytes read.
 */
export function throwLater(error: unknown): void {
  process.nextTick(rethrow, error);
}

/**
 * Reports an error that has nobody to go to as a process warning, which prints its stack and can be listened to:
 * `process.on("warning", (warning) => ...)`; the error itself is the warning's `cause`.
 */
export function warn(code: SocketIoErrorCode, cause: unknown): void {
  const error = new SocketIoError(code, undefined, { cause });
  if (cause instanceof Error && cause.stack) error.stack = `${error.name}: ${error.message}: ${cause.stack}`;
  if (log.enabled) log("%s: %s", code, cause);
  process.emitWarning(error);
}

/** Calls `onRejected` when `result` is a promise that is rejected. */
export function watch(result: unknown, onRejected: (error: unknown) => void): void {
  if (typeof result !== "object" || result === null) return;
  const { then } = result as { then?: unknown };
  if (typeof then === "function") Reflect.apply(then, result, [undefined, onRejected]);
}

/** An adapter that answers later must not end the process when it fails. */
export function watchAdapter(result: unknown): void {
  if (result !== undefined) watch(result, onAdapterFailure);
}

function onAdapterFailure(error: unknown): void {
  warn("ADAPTER_FAILED", error);
}
