/*
 * Types of event maps, which server and client share. `any` is allowed in files of this name only, as users write the maps
 * and the parameters of their listeners. Programs written for socket.io rely on these names and their meaning.
 */

/** Listeners by event name. */
export interface EventsMap {
  [event: string]: any;
}

/** The map of an untyped emitter: every name, any arguments. */
export interface DefaultEventsMap {
  [event: string]: (...args: any[]) => void;
}

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
> = OrUntyped<Ev extends EventNames<Reserved> ? Reserved[Ev] : Ev extends EventNames<User> ? User[Ev] : never>;

/** Inside a generic class the compiler can't look a listener up and finds `never`; any function is accepted there. */
type OrUntyped<T> = [T] extends [never] ? (...args: any[]) => void | Promise<void> : T;

/** A tuple without its last element. */
export type AllButLast<T extends any[]> = T extends [...infer Rest, any] ? Rest : any[];
