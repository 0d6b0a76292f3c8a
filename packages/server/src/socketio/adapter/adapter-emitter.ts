import { EventEmitter } from "node:events";
import { EventEmitter as SmallEmitter } from "eventemitter3";

type Name = string | symbol;
type NodeListener = Parameters<EventEmitter["on"]>[1];

interface ListenerEntry {
  readonly fn: NodeListener;
  readonly once: boolean;
}

/** The fields of the small emitter: one entry per event, or an array of them. */
interface ListenerTable {
  _events: Record<Name, ListenerEntry | ListenerEntry[] | undefined>;
  _eventsCount: number;
}

type RemoveListener = (event: Name, listener: NodeListener, context?: unknown, once?: boolean) => unknown;

// Casts: the subclass adds what the small emitter lacks of Node's, and its private members have no types.
const Base = SmallEmitter as unknown as new () => EventEmitter & ListenerTable;
const { removeListener } = SmallEmitter.prototype as unknown as { removeListener: RemoveListener };

// Private members. Symbols, not `#private`, so that proxies and `Object.create()` work.
const kMaxListeners = Symbol("maxListeners");

/** Throws an unhandled `error` with Node's class and code. */
const unheard = new EventEmitter();

/** Node's default; adapters may read it. */
const MAX_LISTENERS = 10;

/**
 * The emitter of adapters: `eventemitter3`, with the members of Node's EventEmitter that it lacks, because programs and
 * third-party adapters may call them. It never warns of many listeners, and emits neither `newListener` nor
 * `removeListener`.
 */
export class AdapterEmitter extends Base {
  declare private [kMaxListeners]?: number;

  /** Emits an event. As in Node, an `error` without a listener is thrown. */
  override emit(event: Name, ...args: unknown[]): boolean {
    if (event === "error" && this.listenerCount(event) === 0) return unheard.emit(event, ...args);
    return super.emit(event, ...args);
  }

  /** Removes the copy of a listener that was added last; emissions pass `once`, which removes every copy. */
  override removeListener(event: Name, listener: NodeListener, context?: unknown, once?: boolean): this {
    const table = tableOf(this);
    const entries = table[event];
    if (once === true || !Array.isArray(entries)) {
      Reflect.apply(removeListener, this, [event, listener, context, once]);
      return this;
    }
    const last = entries.map(({ fn }) => fn).lastIndexOf(listener);
    const left = entries.filter((_entry, index) => index !== last);
    table[event] = left.length === 1 ? left[0] : left;
    return this;
  }

  override off(event: Name, listener: NodeListener): this {
    return this.removeListener(event, listener);
  }

  override prependListener(event: Name, listener: NodeListener): this {
    this.on(event, listener);
    return toFront(this, event);
  }

  override prependOnceListener(event: Name, listener: NodeListener): this {
    this.once(event, listener);
    return toFront(this, event);
  }

  override rawListeners(event: Name): NodeListener[] {
    return entriesOf(this, event).map(({ fn, once }) => {
      if (!once) return fn;
      const listener = (...args: unknown[]): void => {
        this.removeListener(event, fn);
        Reflect.apply(fn, this, args);
      };
      return Object.assign(listener, { listener: fn });
    });
  }

  override setMaxListeners(count: number): this {
    this[kMaxListeners] = count;
    return this;
  }

  override getMaxListeners(): number {
    return this[kMaxListeners] ?? MAX_LISTENERS;
  }
}

/** Whether the emitter has any listener; hot paths check this before they emit. */
export function isHeard({ _eventsCount: events }: ListenerTable): boolean {
  return events > 0;
}

function tableOf({ _events: table }: ListenerTable): ListenerTable["_events"] {
  return table;
}

function entriesOf(emitter: ListenerTable, event: Name): readonly ListenerEntry[] {
  const entries = tableOf(emitter)[event];
  if (entries === undefined) return [];
  return Array.isArray(entries) ? entries : [entries];
}

/** Moves the last listener to the front, in a new array: an emission may be walking the old one. */
function toFront<Emitter extends ListenerTable>(emitter: Emitter, event: Name): Emitter {
  const table = tableOf(emitter);
  const entries = table[event];
  if (Array.isArray(entries)) table[event] = [entries.at(-1)!, ...entries.slice(0, -1)];
  return emitter;
}
