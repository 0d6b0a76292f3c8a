import type { EventEmitter } from "node:events";
import { serverClock } from "./clock.ts";
import { callProgram, type FailureKind } from "./guarded.ts";
import { createLog } from "./log.ts";

const log = createLog("socket.io:errors");

type FailureListener = (...args: unknown[]) => unknown;

/**
 * The event of a server (`io`) and of an engine for errors in the program's own functions.
 *
 * @example
 * io.on("handler_error", (error, { handler, event, socket }) => {
 *   logger.error({ error, handler, event, socket: socket?.id });
 * });
 */
export const HANDLER_ERROR = "handler_error";

const LOOK_AT_ERROR = "look at the error: listen to `handler_error`, and correct the function";

/** The function of the program that has failed. */
export type HandlerKind =
  /** a listener of an event; `event` has its name */
  | "listener"
  /** a callback of `emit` */
  | "acknowledgement"
  /** a middleware of `socket.use()`: the event is dropped, and the socket emits `error` */
  | "socket middleware"
  /** a middleware of `io.use()` or `namespace.use()`: the client is refused with `Internal server error` */
  | "namespace middleware"
  /** a function passed to `io.of()`: the client is refused with `Invalid namespace` */
  | "namespace function"
  /** a method of the adapter */
  | "adapter"
  /** the adapter or the parser, while a client connects: it is refused with `Internal server error` */
  | "connecting"
  /** a middleware of `io.engine.use()`, or a function in the option `cors`: the request is refused, code 3 */
  | "engine middleware"
  /** the option `allowRequest`: the request is refused, code 4 */
  | "allowRequest"
  /** the option `userOf`: the request is refused, code 4 */
  | "userOf"
  /** `engine.generateId`: the request is refused, code 3 */
  | "generateId";

/** What it means that a function has failed, and what to do about it. */
export const HANDLER_KINDS: Readonly<Record<HandlerKind, { readonly message: string; readonly fix: string }>> = {
  listener: { message: "a listener of an event threw, or its promise rejected", fix: LOOK_AT_ERROR },
  acknowledgement: { message: "a callback of `emit` threw, or its promise rejected", fix: LOOK_AT_ERROR },
  "socket middleware": { message: "a middleware of `socket.use()` failed; the event is dropped", fix: LOOK_AT_ERROR },
  "namespace middleware": { message: "a middleware of `io.use()` failed; the client is refused", fix: LOOK_AT_ERROR },
  "namespace function": { message: "a function passed to `io.of()` failed; the client is refused", fix: LOOK_AT_ERROR },
  adapter: {
    message: "a method of the adapter failed",
    fix: "look at the error, and at the bus that the adapter uses",
  },
  connecting: { message: "the adapter or the parser failed while a client connected", fix: LOOK_AT_ERROR },
  "engine middleware": {
    message: "a middleware of the engine, or `cors`, failed; the request is refused",
    fix: LOOK_AT_ERROR,
  },
  allowRequest: { message: "the function in `allowRequest` failed; the request is refused", fix: LOOK_AT_ERROR },
  userOf: { message: "the function in `userOf` failed; the request is refused", fix: LOOK_AT_ERROR },
  generateId: { message: "`engine.generateId` failed; the request is refused", fix: LOOK_AT_ERROR },
};

/** Details of an error in the program's code. */
export interface HandlerFailure {
  /** The function that failed. */
  readonly handler: HandlerKind;
  /** Whether it threw, or its promise was rejected. */
  readonly how: FailureKind;
  /** The event, if a listener has failed. */
  readonly event?: string | symbol | undefined;
}

/** The number of logs with the failures of an emitter. */
const logged = new WeakMap<EventEmitter, number>();

/**
 * Prints failures of `emitter` no longer, since a log of the program has them. Listeners and the process still get them. Returns
 * its reversal.
 */
export function leaveToLog(emitter: EventEmitter): () => void {
  const change = (by: number): void => void logged.set(emitter, (logged.get(emitter) ?? 0) + by);
  change(1);
  return () => change(-1);
}

/** Reports an error to the `handler_error` listeners of `emitter`; without any, see {@link reportUnheard}. */
export function reportFailure(emitter: EventEmitter, error: unknown, failure: HandlerFailure): void {
  if (log.enabled) log("%s failed: %s", nameFailure(failure), error);
  const listeners = emitter.rawListeners(HANDLER_ERROR);
  if (listeners.length === 0) return reportUnheard(error, failure, (logged.get(emitter) ?? 0) > 0);
  // An error in such a listener goes to the console.
  const onOwnFailure = (own: unknown): void => printer.print(`a listener of "${HANDLER_ERROR}"`, own);
  for (const listener of listeners as FailureListener[]) callProgram(listener, [error, failure], onOwnFailure, emitter);
}

/** Failures that never reach the process: socket.io catches them too, or they are not in the program's own code. */
const NOT_FOR_THE_PROCESS: ReadonlySet<HandlerKind> = new Set<HandlerKind>(["adapter", "generateId"]);

/**
 * Reports a failure without `handler_error` listeners. If the program listens to `uncaughtException` or `unhandledRejection`
 * of `process`, rethrows the error; otherwise prints it, unless it is in a log, and the process continues.
 */
export function reportUnheard(error: unknown, failure: HandlerFailure, isLogged = false): void {
  const print = (): void => (isLogged ? undefined : printer.print(nameFailure(failure), error));
  if (NOT_FOR_THE_PROCESS.has(failure.handler)) return print();
  const isHandled = process.listenerCount("uncaughtException") > 0 || process.hasUncaughtExceptionCaptureCallback();
  if (failure.how === "thrown" && isHandled) {
    // In its own tick, so that it does not unwind through the layers below, with a read half done.
    process.nextTick(rethrow, error);
  } else if (failure.how === "rejected" && (isHandled || process.listenerCount("unhandledRejection") > 0)) {
    void Promise.reject(error);
  } else {
    print();
  }
}

function rethrow(error: unknown): never {
  throw error;
}

function nameFailure({ handler, event }: HandlerFailure): string {
  return event === undefined ? handler : `${handler} of "${String(event)}"`;
}

/** Most failures printed per second, because a client that can cause them must not fill a disk. */
const PRINTED_PER_SECOND = 10;

/** Prints failures, up to {@link PRINTED_PER_SECOND}. */
class Printer {
  #since = Number.NEGATIVE_INFINITY;
  #count = 0;

  print(what: string, error: unknown): void {
    const now = serverClock.now();
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

/** Emits an event of the library; reports errors that its listeners throw. */
export function emitGuarded(emitter: EventEmitter, event: string, args: unknown[]): void {
  try {
    emitter.emit(event, ...args);
  } catch (error) {
    reportFailure(emitter, error, { handler: "listener", how: "thrown", event });
  }
}
