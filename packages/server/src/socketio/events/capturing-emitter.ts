import { EventEmitter } from "node:events";
import { Emitter } from "../../base/emitter.ts";

/**
 * An {@link Emitter} that handles rejected promises of its listeners: the method `Symbol.for("nodejs.rejection")` gets them
 * instead of `unhandledRejection`, which would end the process.
 *
 * Node offers this as the constructor option `captureRejections`, a symbol member of each emitter. Here it is on the
 * prototype, so it takes no memory per socket.
 */
export class CapturingEmitter extends Emitter {
  /** Emits to the listeners, where the `emit` of a subclass sends to clients. */
  protected emitUntyped(event: string, ...args: unknown[]): boolean {
    return super.emit(event, ...args);
  }

  /** The same, by the name that socket.io uses for its own events. */
  protected emitReserved(event: string, ...args: unknown[]): unknown {
    return super.emit(event, ...args);
  }
}

const switchedOn = new EventEmitter({ captureRejections: true });
for (const key of Object.getOwnPropertySymbols(switchedOn)) {
  const value: unknown = Reflect.get(switchedOn, key);
  Object.defineProperty(CapturingEmitter.prototype, key, { value, writable: true, configurable: true });
}

/** `EventEmitter.captureRejectionSymbol`, with a type that classes can use as a member's name. */
export const REJECTION: typeof EventEmitter.captureRejectionSymbol = EventEmitter.captureRejectionSymbol;
