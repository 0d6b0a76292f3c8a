import type {
  EventNames,
  EventParams,
  EventsMap,
  Listener,
  NoEvents,
  ReservedOrUserEventNames,
  ReservedOrUserListener,
  Untyped,
} from "./typed-events.ts";

/** A listener of `once` is wrapped; this is how it is found again. */
type Registered = Listener & { fn?: Listener };

/**
 * The small emitter of the client's classes. Listeners run in the order in which they were added, synchronously; one
 * that is added or removed while an event is delivered counts from the next event on. What a listener throws reaches
 * the caller of `emit`. No event is special: an `error` that nobody hears is nothing.
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
  /** Lists are replaced, never changed: an event under way goes through the list it began with. */
  readonly #lists = new Map<unknown, readonly Registered[]>();

  /**
   * Frameworks that wrap plain objects in proxies to observe them (Vue's `reactive`) leave alone what has a name of its
   * own; through a proxy private members could not be reached.
   */
  get [Symbol.toStringTag](): string {
    return "Emitter";
  }

  /** A copy of all lists, by `$` and the name of the event, for programs that count listeners here. */
  get _callbacks(): Record<string, readonly Listener[]> {
    return Object.fromEntries([...this.#lists].map(([event, list]) => ["$" + String(event), list]));
  }

  /** Adds a listener. The same one twice is called twice. */
  on<Ev extends ReservedOrUserEventNames<ReservedEvents, ListenEvents>>(
    event: Ev,
    listener: ReservedOrUserListener<ReservedEvents, ListenEvents, Ev>,
  ): this {
    this.#lists.set(event, [...this.listeners(event), listener]);
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
    const list = args.length > 1 ? this.listeners(event!) : [];
    const index = list.findIndex((candidate: Registered) => candidate === listener || candidate.fn === listener);
    if (index >= 0) list.splice(index, 1);
    if (list.length) this.#lists.set(event, list);
    // programs name events after requests: what was listened to once must not stay behind
    else if (args.length) this.#lists.delete(event);
    else this.#lists.clear();
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

  /** Calls the listeners of an event. */
  emit<Ev extends EventNames<EmitEvents>>(event: Ev, ...args: EventParams<EmitEvents, Ev>): this {
    return this.emitReserved(event as never, ...(args as never));
  }

  /** Emits one of the class's own events, where a subclass has given `emit` another meaning. */
  // hot path
  protected emitReserved<Ev extends EventNames<ReservedEvents>>(
    event: Ev,
    ...args: EventParams<ReservedEvents, Ev>
  ): this {
    const list = this.#lists.get(event);
    if (list) for (const listener of list) listener.apply(this, args);
    return this;
  }

  /** @returns the listeners of an event, in order; those of `once` are wrapped */
  listeners<Ev extends ReservedOrUserEventNames<ReservedEvents, ListenEvents>>(
    event: Ev,
  ): ReservedOrUserListener<ReservedEvents, ListenEvents, Ev>[] {
    return [...(this.#lists.get(event) ?? [])] as ReservedOrUserListener<ReservedEvents, ListenEvents, Ev>[];
  }

  hasListeners(event: ReservedOrUserEventNames<ReservedEvents, ListenEvents>): boolean {
    return this.listeners(event).length > 0;
  }
}

/**
 * Adds listeners to an emitter of this or another kind.
 *
 * @typeParam Events of the emitter
 * @param listeners by event
 * @returns removes them
 */
export function listen<Events extends object>(emitter: Untyped, listeners: Partial<Events>): () => void {
  const entries = Object.entries(listeners);
  for (const entry of entries) emitter.on(...entry);
  return () => {
    for (const entry of entries) emitter.off(...entry);
  };
}
