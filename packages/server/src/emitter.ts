import { EventEmitter } from "node:events";

/**
 * Node's EventEmitter without its constructor: the listener table is made by the first listener.
 *
 * A connection owns several emitters, most of which nobody ever listens to. Node's methods accept an emitter whose
 * constructor never ran (this is how mixing in `EventEmitter.prototype` works), so an idle one costs no table.
 */
function LazyEmitter(): void {}
LazyEmitter.prototype = Object.create(EventEmitter.prototype, { constructor: { value: LazyEmitter } });

/** Base class of everything that must behave as a Node EventEmitter: see {@link LazyEmitter}. */
export const Emitter: typeof EventEmitter = LazyEmitter as unknown as typeof EventEmitter;
