/*
 * The declarations name `Map` and `Symbol`, which programs compiled for ES5 lack by default.
 */
/// <reference lib="es2015" preserve="true" />

import type {
  EventNames,
  EventParams,
  EventsMap,
  Listener,
  NoEvents,
  ReservedOrUserEventNames,
  ReservedOrUserListener,
} from "./typed-events.ts";

/** A listener, or the wrapper that `once` puts around `fn`. */
type Registered = Listener & { fn?: Listener };

/**
 * The small emitter of the client's classes. Listeners run synchronously, in the order of their registration. Changes
 * during an event apply to the next event. `emit` throws the error of a listener. In events of the class itself, such an
 * error becomes an uncaught error in a later tick, so the other listeners and the connection go on. An `error` event
 * without listeners has no effect.
 *
 * @typeParam ListenEvents events that users listen to
 * @typeParam EmitEvents events that users emit
 * @typeParam ReservedEvents events that the class itself emits
 * @example
 * const emitter = new Emitter<{ tick: (n: number) => void }, { tick: (n: number) => void }>();
 * emitter.on("tick", (n) => console.log(n)).emit("tick", 1);
 */
export class Emitter<
  ListenEvents extends EventsMap,
  EmitEvents extends EventsMap,
  ReservedEvents extends EventsMap = NoEvents,
> {
  /**
   * The lists of listeners, by `$` and the event's name, for programs that count or clear them. Lists are replaced, never
   * changed, so that an event in progress keeps its own list.
   */
  declare _callbacks: Record<string | symbol, readonly Registered[]> | undefined;

  /** Prevents frameworks that observe plain objects by proxies (Vue's `reactive`) from wrapping this one. */
  get [Symbol.toStringTag](): string {
    return "Emitter";
  }

  /** Adds a listener. A listener added twice is called twice. */
  on<Ev extends ReservedOrUserEventNames<ReservedEvents, ListenEvents>>(
    event: Ev,
    listener: ReservedOrUserListener<ReservedEvents, ListenEvents, Ev>,
  ): this {
    const callbacks = (this._callbacks ??= Object.create(null) as NonNullable<typeof this._callbacks>);
    callbacks[keyOf(event)] = [...this.listeners(event), listener];
    return this;
  }

  /** The same as {@link Emitter.on}. */
  addEventListener<Ev extends ReservedOrUserEventNames<ReservedEvents, ListenEvents>>(
    event: Ev,
    listener: ReservedOrUserListener<ReservedEvents, ListenEvents, Ev>,
  ): this {
    return this.on(event, listener);
  }

  /** Adds a listener for the next event only. */
  once<Ev extends ReservedOrUserEventNames<ReservedEvents, ListenEvents>>(
    event: Ev,
    listener: ReservedOrUserListener<ReservedEvents, ListenEvents, Ev>,
  ): this {
    const wrapped = ((...args: unknown[]) => {
      this.off(event, wrapped as typeof listener);
      (listener as Listener).apply(this, args);
    }) as Registered;
    wrapped.fn = listener;
    return this.on(event, wrapped as typeof listener);
  }

  /**
   * Removes a listener once; without `listener`, all listeners of the event; without arguments, all listeners.
   */
  off<Ev extends ReservedOrUserEventNames<ReservedEvents, ListenEvents>>(
    ...args: [event?: Ev, listener?: ReservedOrUserListener<ReservedEvents, ListenEvents, Ev>]
  ): this {
    const [event, listener] = args;
    if (!args.length) this._callbacks = undefined;
    if (!this._callbacks) return this;
    const list = args.length > 1 ? [...this.listeners(event!)] : [];
    const index = list.findIndex((candidate: Registered) => candidate === listener || candidate.fn === listener);
    if (index >= 0) list.splice(index, 1);
    if (list.length) this._callbacks[keyOf(event)] = list;
    // event names may be unique, such as request ids: an empty list would leak
    else delete this._callbacks[keyOf(event)];
    return this;
  }

  /** The same as {@link Emitter.off}. */
  removeListener<Ev extends ReservedOrUserEventNames<ReservedEvents, ListenEvents>>(
    ...args: [event?: Ev, listener?: ReservedOrUserListener<ReservedEvents, ListenEvents, Ev>]
  ): this {
    return this.off(...args);
  }

  /** The same as {@link Emitter.off}. */
  removeAllListeners<Ev extends ReservedOrUserEventNames<ReservedEvents, ListenEvents>>(
    ...args: [event?: Ev, listener?: ReservedOrUserListener<ReservedEvents, ListenEvents, Ev>]
  ): this {
    return this.off(...args);
  }

  /** The same as {@link Emitter.off}. */
  removeEventListener<Ev extends ReservedOrUserEventNames<ReservedEvents, ListenEvents>>(
    ...args: [event?: Ev, listener?: ReservedOrUserListener<ReservedEvents, ListenEvents, Ev>]
  ): this {
    return this.off(...args);
  }

  /** Calls the listeners of an event. Stops at the first error and throws it. */
  emit<Ev extends EventNames<EmitEvents>>(event: Ev, ...args: EventParams<EmitEvents, Ev>): this {
    // cast: an event is emitted and listened to under one name, although the two maps differ
    for (const listener of this.listeners(event as never)) (listener as Listener).apply(this, args);
    return this;
  }

  /** Emits an event of the class itself, as `emit` of a subclass may send to the peer. */
  protected emitReserved<Ev extends EventNames<ReservedEvents>>(
    event: Ev,
    ...args: EventParams<ReservedEvents, Ev>
  ): this {
    const list = this._callbacks?.[keyOf(event)];
    if (list) callEach(list, this, args);
    return this;
  }

  /** Returns the listeners of an event in order; listeners of `once` are wrapped. */
  listeners<Ev extends ReservedOrUserEventNames<ReservedEvents, ListenEvents>>(
    event: Ev,
  ): ReservedOrUserListener<ReservedEvents, ListenEvents, Ev>[] {
    return (this._callbacks?.[keyOf(event)] ?? []) as ReservedOrUserListener<ReservedEvents, ListenEvents, Ev>[];
  }

  /** Whether an event has listeners. */
  hasListeners(event: ReservedOrUserEventNames<ReservedEvents, ListenEvents>): boolean {
    return this.listeners(event).length > 0;
  }
}

const keyOf = (event: unknown): string | symbol => (typeof event === "symbol" ? event : "$" + String(event));

/** Calls functions of the program. Errors become uncaught errors in a later tick, so that all functions are called. */
export function callEach(functions: readonly Listener[], self: unknown, args: readonly unknown[]): void {
  for (const fn of functions) {
    try {
      fn.apply(self, args as unknown[]);
    } catch (error) {
      throwLater(error);
    }
  }
}

/** Throws in a later tick, so that the platform reports an uncaught error. */
export function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

/** An emitter of any kind. */
interface Listenable {
  on(event: string, listener: Listener): unknown;
  off(event?: string, listener?: Listener): unknown;
}

/**
 * Adds listeners to an emitter of any kind.
 *
 * @typeParam Events events of the emitter
 * @param listeners listeners by event
 * @returns removes the listeners
 */
export function listen<Events extends object>(emitter: Listenable, listeners: Partial<Events>): () => void {
  const entries = Object.entries(listeners) as [string, Listener][];
  for (const entry of entries) emitter.on(...entry);
  return () => {
    for (const entry of entries) emitter.off(...entry);
  };
}
