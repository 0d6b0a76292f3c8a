/*
 * Programs for the target ES5 have no `Map` and `Symbol` by default; the declarations name them.
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

/** A listener of `once` is wrapped; this is how it is found again. */
type Registered = Listener & { fn?: Listener };

/**
 * The small emitter of the client's classes. Listeners run in the order in which they were added, synchronously; one
 * that is added or removed while an event is delivered counts from the next event on. What a listener throws reaches
 * the caller of `emit`; from an event of the class itself it reaches the program as an uncaught error, in a turn of its
 * own, and disturbs neither the other listeners nor the connection. No event is special: an `error` without listeners
 * does nothing.
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
   * The lists of listeners, by `$` and the name of the event, for programs that count or clear them here. Lists are
   * replaced, never changed: an event under way goes through the list it began with.
   */
  declare _callbacks: Record<string | symbol, readonly Registered[]> | undefined;

  /** Frameworks that wrap plain objects in proxies to observe them (Vue's `reactive`) leave alone what has a name. */
  get [Symbol.toStringTag](): string {
    return "Emitter";
  }

  /** Adds a listener. The same one twice is called twice. */
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
   * Removes a listener once; without a listener all those of the event; without arguments all of all events.
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
    // programs name events after requests: what was listened to once must not stay behind
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

  /** Calls the listeners of an event. What one of them throws reaches the caller, and ends this. */
  emit<Ev extends EventNames<EmitEvents>>(event: Ev, ...args: EventParams<EmitEvents, Ev>): this {
    // cast: what is emitted is listened to under the same name, although the two maps differ
    for (const listener of this.listeners(event as never)) (listener as Listener).apply(this, args);
    return this;
  }

  /** Emits one of the class's own events, where a subclass has given `emit` another meaning. */
  protected emitReserved<Ev extends EventNames<ReservedEvents>>(
    event: Ev,
    ...args: EventParams<ReservedEvents, Ev>
  ): this {
    const list = this._callbacks?.[keyOf(event)];
    if (list) callEach(list, this, args);
    return this;
  }

  /** @returns the listeners of an event, in order; those of `once` are wrapped */
  listeners<Ev extends ReservedOrUserEventNames<ReservedEvents, ListenEvents>>(
    event: Ev,
  ): ReservedOrUserListener<ReservedEvents, ListenEvents, Ev>[] {
    return (this._callbacks?.[keyOf(event)] ?? []) as ReservedOrUserListener<ReservedEvents, ListenEvents, Ev>[];
  }

  hasListeners(event: ReservedOrUserEventNames<ReservedEvents, ListenEvents>): boolean {
    return this.listeners(event).length > 0;
  }
}

const keyOf = (event: unknown): string | symbol => (typeof event === "symbol" ? event : "$" + String(event));

/** Calls functions of the program. What one throws is thrown again in a turn of its own; the others are called all the same. */
export function callEach(functions: readonly Listener[], self: unknown, args: readonly unknown[]): void {
  for (const fn of functions) {
    try {
      fn.apply(self, args as unknown[]);
    } catch (error) {
      throwLater(error);
    }
  }
}

/** Throws in a turn of its own: the platform reports it as an uncaught error. */
export function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

/** An emitter of this or another kind. */
interface Listenable {
  on(event: string, listener: Listener): unknown;
  off(event?: string, listener?: Listener): unknown;
}

/**
 * Adds listeners to an emitter of this or another kind.
 *
 * @typeParam Events of the emitter
 * @param listeners by event
 * @returns removes them
 */
export function listen<Events extends object>(emitter: Listenable, listeners: Partial<Events>): () => void {
  const entries = Object.entries(listeners) as [string, Listener][];
  for (const entry of entries) emitter.on(...entry);
  return () => {
    for (const entry of entries) emitter.off(...entry);
  };
}
