import { EventEmitter } from "node:events";
import { Emitter } from "../../base/emitter.ts";

/**
 * An {@link Emitter} that looks at what its listeners return: a promise that rejects reaches the method named
 * `Symbol.for("nodejs.rejection")` instead of `unhandledRejection`, which would end the process.
 *
 * Node offers this as the constructor option `captureRejections`, kept under a symbol of each emitter. Here it sits on
 * the prototype, so that it costs a socket nothing.
 */
export class CapturingEmitter extends Emitter {
  /** Emits an event to the listeners, whatever the `emit` of the class does. */
  protected emitUntyped(event: string, ...args: unknown[]): boolean {
    return super.emit(event, ...args);
  }

  /** The same, under the name that socket.io has for its own events. */
  protected emitReserved(event: string, ...args: unknown[]): unknown {
    return super.emit(event, ...args);
  }
}

const switchedOn = new EventEmitter({ captureRejections: true });
for (const key of Object.getOwnPropertySymbols(switchedOn)) {
  const value: unknown = Reflect.get(switchedOn, key);
  Object.defineProperty(CapturingEmitter.prototype, key, { value, writable: true, configurable: true });
}

/** What `EventEmitter.captureRejectionSymbol` stands for. */
export const REJECTION: typeof EventEmitter.captureRejectionSymbol = EventEmitter.captureRejectionSymbol;
