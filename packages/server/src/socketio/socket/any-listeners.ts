import { checkFunction, kSelf } from "../../engine/index.ts";
import { kCall, kNotifyIncoming } from "../keys.ts";
import { PacedSocket } from "./paced-socket.ts";
import type { AnyListener, EventsMap } from "../events/typed-events.ts";

const kIncoming = Symbol("incoming");
const kOutgoing = Symbol("outgoing");

/** The listeners less one of them. Without a listener to remove, none are left. An array stays the same. */
function without(listeners: AnyListener[] | undefined, listener: AnyListener | undefined): AnyListener[] | undefined {
  if (!listener) return undefined;
  const index = listeners?.indexOf(listener) ?? -1;
  if (index !== -1) listeners?.splice(index, 1);
  return listeners;
}

/** The catch-all listeners of a socket. Their arrays are made when they are first needed. */
export abstract class CatchAllSocket<
  ListenEvents extends EventsMap,
  EmitEvents extends EventsMap,
  ReservedEvents extends EventsMap,
> extends PacedSocket<ListenEvents, EmitEvents, ReservedEvents> {
  protected readonly [kSelf]: this = this;
  private [kIncoming]: AnyListener[] | undefined;
  private [kOutgoing]: AnyListener[] | undefined;

  /** Calls a function of the program: what it throws and rejects with is reported. */
  abstract [kCall](fn: (...args: unknown[]) => unknown, args: unknown[], kind: "acknowledgement" | "listener"): void;

  /**
   * Adds a listener for all incoming events; it gets the name and the arguments.
   *
   * @example
   * socket.onAny((event, ...args) => console.log(event, args));
   */
  onAny(listener: AnyListener): this {
    checkFunction(listener, "socket.onAny()");
    this.listenersAny().push(listener);
    return this;
  }

  /** As {@link onAny}, before the others. */
  prependAny(listener: AnyListener): this {
    checkFunction(listener, "socket.prependAny()");
    this.listenersAny().unshift(listener);
    return this;
  }

  /** Removes a listener of {@link onAny}; all of them, when none is given. */
  offAny(listener?: AnyListener): this {
    const self = this[kSelf];
    self[kIncoming] = without(self[kIncoming], listener);
    return this;
  }

  /** The listeners for all incoming events; the array may be changed. */
  listenersAny(): AnyListener[] {
    return (this[kSelf][kIncoming] ??= []);
  }

  /**
   * Adds a listener for all events that are sent to this client, broadcasts included.
   *
   * @example
   * socket.onAnyOutgoing((event, ...args) => console.log("sent", event, args));
   */
  onAnyOutgoing(listener: AnyListener): this {
    checkFunction(listener, "socket.onAnyOutgoing()");
    this.listenersAnyOutgoing().push(listener);
    return this;
  }

  /** As {@link onAnyOutgoing}, before the others. */
  prependAnyOutgoing(listener: AnyListener): this {
    checkFunction(listener, "socket.prependAnyOutgoing()");
    this.listenersAnyOutgoing().unshift(listener);
    return this;
  }

  /** Removes a listener of {@link onAnyOutgoing}; all of them, when none is given. */
  offAnyOutgoing(listener?: AnyListener): this {
    const self = this[kSelf];
    self[kOutgoing] = without(self[kOutgoing], listener);
    return this;
  }

  /** The listeners for all outgoing events; the array may be changed. */
  listenersAnyOutgoing(): AnyListener[] {
    return (this[kSelf][kOutgoing] ??= []);
  }

  /** An event is sent to this client, by whatever way. Adapters call it for broadcasts. */
  notifyOutgoingListeners(packet: { data?: unknown }): void {
    if (this[kOutgoing] !== undefined) notify(this, this[kOutgoing], packet.data as unknown[]);
  }

  /** An event has come in. */
  protected [kNotifyIncoming](event: unknown[]): void {
    if (this[kIncoming] !== undefined) notify(this, this[kIncoming], event);
  }
}

function notify(
  socket: { [kCall](fn: AnyListener, args: unknown[], kind: "listener"): void },
  listeners: readonly AnyListener[],
  event: unknown[],
): void {
  for (const listener of listeners.slice()) socket[kCall](listener, event, "listener");
}
