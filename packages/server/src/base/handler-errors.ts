import type { EventEmitter } from "node:events";
import { systemClock } from "./clock.ts";
import { callProgram, type FailureKind } from "./guarded.ts";
import { createLog } from "./log.ts";

const log = createLog("socket.io:errors");

type FailureListener = (...args: unknown[]) => unknown;

/**
 * The event of a server (`io`) and of an engine that tells what went wrong in the program's own code.
 *
 * @example
 * io.on("handler_error", (error, { handler, event, socket }) => {
 *   logger.error({ error, handler, event, socket: socket?.id });
 * });
 */
export const HANDLER_ERROR = "handler_error";

/** Which function of the program has failed. */
export type HandlerKind =
  /** a listener of an event; `event` has its name */
  | "listener"
  /** a callback that was given to `emit` */
  | "acknowledgement"
  /** what `socket.use()` added: the event is dropped, and the socket's `error` listeners get the error */
  | "socket middleware"
  /** what `io.use()` or `namespace.use()` added: the client is refused with `Internal server error` */
  | "namespace middleware"
  /** the function that was given to `io.of()`: the client is refused with `Invalid namespace` */
  | "namespace function"
  /** a method of the adapter */
  | "adapter"
  /** the adapter or the parser, while they let a client in: it is refused with `Internal server error` */
  | "connecting"
  /** what `io.engine.use()` added, and the function of the option `cors`: the request is refused, code 3 */
  | "engine middleware"
  /** the option `allowRequest`: the request is refused, code 4 */
  | "allowRequest"
  /** the option `userOf`: the request is refused, code 4 */
  | "userOf"
  /** `engine.generateId`: the request is refused, code 3 */
  | "generateId";

/** What is known about a failure of the program's code. */
export interface HandlerFailure {
  readonly handler: HandlerKind;
  /** Whether it threw, or returned a promise that was rejected. */
  readonly how: FailureKind;
  /** The event, if a listener has failed. */
  readonly event?: string | symbol | undefined;
}

/** Tells the `handler_error` listeners of `emitter`; without any, see {@link reportUnheard}. */
export function reportFailure(emitter: EventEmitter, error: unknown, failure: HandlerFailure): void {
  if (log.enabled) log("%s failed: %s", describeFailure(failure), error);
  const listeners = emitter.rawListeners(HANDLER_ERROR);
  if (listeners.length === 0) return reportUnheard(error, failure);
  // One that fails itself has nobody to tell but the console.
  const onOwnFailure = (own: unknown): void => printer.print(`a listener of "${HANDLER_ERROR}"`, own);
  for (const listener of listeners as FailureListener[]) callProgram(listener, [error, failure], onOwnFailure, emitter);
}

/** What socket.io keeps from the process as well, or what is not the program's own code. */
const NOT_FOR_THE_PROCESS: ReadonlySet<HandlerKind> = new Set<HandlerKind>(["adapter", "generateId"]);

/**
 * A failure that no `handler_error` listener hears of. Where the program handles what is uncaught in the way of Node
 * (listeners of `uncaughtException` or `unhandledRejection` of `process`), it is left to that; else it is printed, and the
 * process goes on.
 */
export function reportUnheard(error: unknown, failure: HandlerFailure): void {
  if (NOT_FOR_THE_PROCESS.has(failure.handler)) return printer.print(describeFailure(failure), error);
  const isHandled = process.listenerCount("uncaughtException") > 0 || process.hasUncaughtExceptionCaptureCallback();
  if (failure.how === "thrown" && isHandled) {
    // In a turn of its own: it must not unwind through the layers below, with half of a connection's bytes read.
    process.nextTick(rethrow, error);
  } else if (failure.how === "rejected" && (isHandled || process.listenerCount("unhandledRejection") > 0)) {
    void Promise.reject(error);
  } else {
    printer.print(describeFailure(failure), error);
  }
}

function rethrow(error: unknown): never {
  throw error;
}

function describeFailure({ handler, event }: HandlerFailure): string {
  return event === undefined ? handler : `${handler} of "${String(event)}"`;
}

/** How many failures are printed in a second: a peer that can cause them must not fill a disk. */
const PRINTED_PER_SECOND = 10;

/** Prints failures, a bounded number of them. */
class Printer {
  #since = Number.NEGATIVE_INFINITY;
  #count = 0;

  print(what: string, error: unknown): void {
    const now = systemClock.now();
    if (Math.abs(now - this.#since) >= 1000) {
      const skipped = this.#count - PRINTED_PER_SECOND;
      if (skipped > 0) console.error(`@portage/server: ${skipped} more failures were not printed`);
      this.#since = now;
      this.#count = 0;
    }
    if (++this.#count <= PRINTED_PER_SECOND) console.error(`@portage/server: failure in ${what}:`, error);
  }
}

const printer = new Printer();

/** Emits an event of the library: what its listeners throw is reported, and reaches nothing else. */
export function emitGuarded(emitter: EventEmitter, event: string, args: unknown[]): void {
  try {
    emitter.emit(event, ...args);
  } catch (error) {
    reportFailure(emitter, error, { handler: "listener", how: "thrown", event });
  }
}
