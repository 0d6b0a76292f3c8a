import { EventEmitter } from "node:events";

/**
 * Node's EventEmitter without its constructor: the listener table is made by the first listener.
 *
 * A connection owns several emitters, most of which nobody ever listens to. Node's methods accept an emitter whose
 * constructor never ran (this is how mixing in `EventEmitter.prototype` works), so an idle one costs no table.
 */
function LazyEmitter(): void {}
LazyEmitter.prototype = Object.create(EventEmitter.prototype, { constructor: { value: LazyEmitter } });

/** Key of {@link Emitter}'s note that there is a listener. */
export const kObserved = Symbol("observed");

type EmitterListener = Parameters<EventEmitter["on"]>[1];

/** Base class of everything that must behave as a Node EventEmitter. Cast: a function is not a class to the compiler. */
export class Emitter extends (LazyEmitter as unknown as typeof EventEmitter) {
  /**
   * Whether there is a listener, for whatever event. Hot paths ask before they emit: most connections have no public
   * listener at all, and `emit` costs far more than a property read even then.
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

  // `once` removes its listener by these as well.
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

/** @returns whose the listener is: Node would make a table for the object that it is called on */
function noteObserved(emitter: Emitter): Emitter {
  const owner = ownerOf(emitter);
  if (!owner[kObserved]) Object.defineProperty(owner, kObserved, { value: true, writable: true });
  return owner;
}

/** The object that a constructor made, where `object` may have been made from it by `Object.create()`. */
function ownerOf(object: Emitter): Emitter {
  let owner: object = object;
  let prototype: object | null = Object.getPrototypeOf(owner) as object | null;
  while (prototype !== null && !Object.hasOwn(prototype, "constructor")) {
    owner = prototype;
    prototype = Object.getPrototypeOf(owner) as object | null;
  }
  return owner as Emitter;
}

/** Written, not deleted: objects without a property that they had are slow. */
function noteRemoval<E extends Emitter>(emitter: E): E {
  if (!emitter[kObserved] || emitter.eventNames().length > 0) return emitter;
  Object.defineProperty(ownerOf(emitter), kObserved, { value: false, writable: true });
  return emitter;
}
