/*
 * `any` is allowed in files of this name only, as users write the event maps and the parameters of their listeners.
 * Programs written for socket.io-client rely on these names and their meaning.
 */

export type {
  DefaultEventsMap,
  EventNames,
  EventParams,
  EventsMap,
  ReservedOrUserEventNames,
  ReservedOrUserListener,
} from "@portage/parser/socket";

/** A value with a type chosen by the user, if at all. Keeps `any` out of the other files. */
export type Untyped = any;

/** Any listener. */
export type Listener = (...args: any[]) => void;

/** An empty map. */
export type NoEvents = { [event in never]: never };
