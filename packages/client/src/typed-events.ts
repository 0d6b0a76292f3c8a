/*
 * `any` is allowed in files of this name only, as users write the event maps and the parameters of their listeners.
 * Programs written for socket.io-client rely on these names and their meaning.
 */

/** A value with a type chosen by the user, if at all. Keeps `any` out of the other files. */
export type Untyped = any;

/** Any listener. */
export type Listener = (...args: any[]) => void;

/** Listeners by event name. */
export interface EventsMap {
  [event: string]: any;
}

/** The map of an untyped emitter: every name, any arguments. */
export interface DefaultEventsMap {
  [event: string]: (...args: any[]) => void;
}

/** An empty map. */
export type NoEvents = { [event in never]: never };

/** The names of the events of a map. */
export type EventNames<Map extends EventsMap> = keyof Map & (string | symbol);

/** The arguments of an event, including the acknowledgement. */
export type EventParams<Map extends EventsMap, Ev extends EventNames<Map>> = Parameters<Map[Ev]>;

/** The names of both the emitter's own events and the user's. */
export type ReservedOrUserEventNames<Reserved extends EventsMap, User extends EventsMap> =
  EventNames<Reserved> | EventNames<User>;

/** The listener of an event; the emitter's own events take precedence over the user's. */
export type ReservedOrUserListener<
  Reserved extends EventsMap,
  User extends EventsMap,
  Ev extends ReservedOrUserEventNames<Reserved, User>,
> = ListenerOrUntyped<Ev extends EventNames<Reserved> ? Reserved[Ev] : Ev extends EventNames<User> ? User[Ev] : never>;

type ListenerOrUntyped<T> = [T] extends [never] ? (...args: any[]) => void | Promise<void> : T;
