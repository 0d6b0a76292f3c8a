import { EventEmitter } from "node:events";

/**
 * Node's EventEmitter without its constructor: the first listener creates the listener table.
 *
 * A connection has several emitters, and most of them never get a listener. Node's methods accept an emitter whose
 * constructor never ran, as with a mixin of `EventEmitter.prototype`, so an idle one has no table.
 */
function LazyEmitter(): void {}
LazyEmitter.prototype = Object.create(EventEmitter.prototype, { constructor: { value: LazyEmitter } });

/** Key of {@link Emitter}'s flag that it has listeners. */
export const kObserved = Symbol("observed");

type EmitterListener = Parameters<EventEmitter["on"]>[1];

/** Base class of all public emitters. Cast, because the compiler does not accept a function as a class. */
export class Emitter extends (LazyEmitter as unknown as typeof EventEmitter) {
  /**
   * Whether there is a listener for any event. Hot paths check it before they emit, because `emit` costs far more than a
   * property read, even without listeners.
   */
  declare readonly [kObserved]: boolean;

  override on(event: string | symbol, listener: EmitterListener): this {
    super.on.call(noteObserved(this), event, listener);
    return this;
  }

  override addListener(event: string | symbol, listener: EmitterListener): this {
    super.addListener.call(noteObserved(this), event, listener);
    return this;
  }

  override prependListener(event: string | symbol, listener: EmitterListener): this {
    super.prependListener.call(noteObserved(this), event, listener);
    return this;
  }

  // `once` removes its listener through this method.
  override removeListener(event: string | symbol, listener: EmitterListener): this {
    super.removeListener.call(ownerOf(this), event, listener);
    return noteRemoval(this);
  }

  override off(event: string | symbol, listener: EmitterListener): this {
    return this.removeListener(event, listener);
  }

  // No argument is not the same as `undefined`.
  override removeAllListeners(...event: [event?: string | symbol]): this {
    super.removeAllListeners.apply(ownerOf(this), event);
    return noteRemoval(this);
  }
}
Object.defineProperty(Emitter.prototype, kObserved, { value: false, writable: true });

/** Sets the flag. Returns the object that owns the table; Node would create one on the object itself. */
function noteObserved(emitter: Emitter): Emitter {
  const owner = ownerOf(emitter);
  if (!owner[kObserved]) Object.defineProperty(owner, kObserved, { value: true, writable: true });
  return owner;
}

/** Returns the constructed object, if `object` inherits from it by `Object.create()`. */
function ownerOf(object: Emitter): Emitter {
  let owner: object = object;
  let prototype: object | null = Object.getPrototypeOf(owner) as object | null;
  while (prototype !== null && !Object.hasOwn(prototype, "constructor")) {
    owner = prototype;
    prototype = Object.getPrototypeOf(owner) as object | null;
  }
  return owner as Emitter;
}

/** Clears the flag after the last listener. Does not delete it, because that would make the object slow. */
function noteRemoval<E extends Emitter>(emitter: E): E {
  if (!emitter[kObserved] || emitter.eventNames().length > 0) return emitter;
  Object.defineProperty(ownerOf(emitter), kObserved, { value: false, writable: true });
  return emitter;
}
