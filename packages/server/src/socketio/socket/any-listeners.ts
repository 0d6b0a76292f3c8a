import { checkFunction, kSelf } from "../../engine/index.ts";
import { kCall, kNotifyIncoming } from "../keys.ts";
import { PacedSocket } from "./paced-socket.ts";
import type { SubjectMiddleware } from "../events/middleware.ts";
import type { AnyListener, Event, EventsMap } from "../events/typed-events.ts";

const kIncoming = Symbol("incoming");
const kOutgoing = Symbol("outgoing");
export const kMiddlewares = Symbol("middlewares");

/** Removes a listener from the array in place. Returns undefined, which removes all, when none is given. */
function without(listeners: AnyListener[] | undefined, listener: AnyListener | undefined): AnyListener[] | undefined {
  if (!listener) return undefined;
  const index = listeners?.indexOf(listener) ?? -1;
  if (index !== -1) listeners?.splice(index, 1);
  return listeners;
}

/** A socket with catch-all listeners and middlewares. Their arrays are created when first needed. */
export abstract class CatchAllSocket<
  ListenEvents extends EventsMap,
  EmitEvents extends EventsMap,
  ReservedEvents extends EventsMap,
> extends PacedSocket<ListenEvents, EmitEvents, ReservedEvents> {
  protected readonly [kSelf]: this = this;
  private [kIncoming]: AnyListener[] | undefined;
  private [kOutgoing]: AnyListener[] | undefined;
  protected [kMiddlewares]: SubjectMiddleware<Event>[] | undefined;

  /** Calls a function of the program, and reports what it throws or rejects with. */
  abstract [kCall](fn: (...args: unknown[]) => unknown, args: unknown[], kind: "acknowledgement" | "listener"): void;

  /**
   * Adds a listener for all incoming events. It gets the event's name and arguments.
   *
   * @example
   * socket.onAny((event, ...args) => console.log(event, args));
   */
  onAny(listener: AnyListener): this {
    checkFunction(listener, "socket.onAny()");
    this.listenersAny().push(listener);
    return this;
  }

  /** Adds a listener as {@link onAny} does, before the existing ones. */
  prependAny(listener: AnyListener): this {
    checkFunction(listener, "socket.prependAny()");
    this.listenersAny().unshift(listener);
    return this;
  }

  /** Removes a listener of {@link onAny}, or all of them when none is given. */
  offAny(listener?: AnyListener): this {
    const self = this[kSelf];
    self[kIncoming] = without(self[kIncoming], listener);
    return this;
  }

  /** Returns the listeners for all incoming events. Changes of the array take effect. */
  listenersAny(): AnyListener[] {
    return (this[kSelf][kIncoming] ??= []);
  }

  /**
   * Adds a listener for all events sent to this client, including broadcasts.
   *
   * @example
   * socket.onAnyOutgoing((event, ...args) => console.log("sent", event, args));
   */
  onAnyOutgoing(listener: AnyListener): this {
    checkFunction(listener, "socket.onAnyOutgoing()");
    this.listenersAnyOutgoing().push(listener);
    return this;
  }

  /** Adds a listener as {@link onAnyOutgoing} does, before the existing ones. */
  prependAnyOutgoing(listener: AnyListener): this {
    checkFunction(listener, "socket.prependAnyOutgoing()");
    this.listenersAnyOutgoing().unshift(listener);
    return this;
  }

  /** Removes a listener of {@link onAnyOutgoing}, or all of them when none is given. */
  offAnyOutgoing(listener?: AnyListener): this {
    const self = this[kSelf];
    self[kOutgoing] = without(self[kOutgoing], listener);
    return this;
  }

  /** Returns the listeners for all outgoing events. Changes of the array take effect. */
  listenersAnyOutgoing(): AnyListener[] {
    return (this[kSelf][kOutgoing] ??= []);
  }

  /** Calls the outgoing listeners with a packet. Adapters call it for broadcasts. */
  notifyOutgoingListeners(packet: { data?: unknown }): void {
    if (this[kOutgoing] !== undefined) notify(this, this[kOutgoing], packet.data as unknown[]);
  }

  /** Calls the incoming listeners with an event. */
  protected [kNotifyIncoming](event: unknown[]): void {
    if (this[kIncoming] !== undefined) notify(this, this[kIncoming], event);
  }

  // ---- middlewares -----------------------------------------------------------------------------------------------

  /** The middlewares for incoming events. */
  protected get fns(): SubjectMiddleware<Event>[] {
    return (this[kSelf][kMiddlewares] ??= []);
  }

  protected set fns(fns: SubjectMiddleware<Event>[]) {
    this[kSelf][kMiddlewares] = fns;
  }

  /**
   * Adds a middleware for incoming events. It may change the event, and must call `next`. With an error, the event is dropped
   * and `error` listeners of the socket get the error; the same happens when the middleware throws or rejects.
   *
   * @example
   * socket.use(([event], next) => next(event === "admin" ? new Error("not allowed") : undefined));
   * socket.on("error", (err) => console.log(err.message));
   */
  use(fn: (event: Event, next: (err?: Error) => void) => void): this {
    checkFunction(fn, "socket.use()");
    const self = this[kSelf];
    self[kMiddlewares] = [...(self[kMiddlewares] ?? []), fn as SubjectMiddleware<Event>];
    return this;
  }
}

function notify(
  socket: { [kCall](fn: AnyListener, args: unknown[], kind: "listener"): void },
  listeners: readonly AnyListener[],
  event: unknown[],
): void {
  for (const listener of listeners.slice()) socket[kCall](listener, event, "listener");
}
