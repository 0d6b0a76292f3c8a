/*
 * The one file of the client in which `any` is allowed: event maps are written by users, and their listeners take what
 * they take. The names and their meaning are those that programs written for socket.io-client rely on.
 */

/** A value that the user types, or nobody. Keeps `any` out of the other files. */
export type Untyped = any;

/** Any listener. */
export type Listener = (...args: any[]) => void;

/** Event names and the listeners that go with them. */
export interface EventsMap {
  [event: string]: any;
}

/** The map of an untyped emitter: every name, any arguments. */
export interface DefaultEventsMap {
  [event: string]: (...args: any[]) => void;
}

/** A map of no events. */
export type NoEvents = { [event in never]: never };

/** The names of the events of a map. */
export type EventNames<Map extends EventsMap> = keyof Map & (string | symbol);

/** The arguments of an event, acknowledgement included. */
export type EventParams<Map extends EventsMap, Ev extends EventNames<Map>> = Parameters<Map[Ev]>;

/** The names of both the emitter's own events and the user's. */
export type ReservedOrUserEventNames<Reserved extends EventsMap, User extends EventsMap> =
  EventNames<Reserved> | EventNames<User>;

/** The listener of an event; the emitter's own events come before the user's. */
export type ReservedOrUserListener<
  Reserved extends EventsMap,
  User extends EventsMap,
  Ev extends ReservedOrUserEventNames<Reserved, User>,
> = ListenerOrUntyped<Ev extends EventNames<Reserved> ? Reserved[Ev] : Ev extends EventNames<User> ? User[Ev] : never>;

type ListenerOrUntyped<T> = [T] extends [never] ? (...args: any[]) => void | Promise<void> : T;
