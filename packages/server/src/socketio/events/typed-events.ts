/*
 * Events between the program and its peers: types, listeners, middlewares, acknowledgements, failures of handlers.
 * Knows: functions of the program, the turn in which they are called.
 * Must not know: sockets, namespaces and how an event is sent.
 */
import type { EventEmitter } from "node:events";
import type {
  EventNames,
  EventParams,
  EventsMap,
  ReservedOrUserEventNames,
  ReservedOrUserListener,
} from "@portage/parser/socket";
import { CapturingEmitter } from "./capturing-emitter.ts";

export type {
  AllButLast,
  DefaultEventsMap,
  EventNames,
  EventParams,
  EventsMap,
  ReservedOrUserEventNames,
  ReservedOrUserListener,
} from "@portage/parser/socket";

// The one file of the server in which `any` is allowed, as users write the event maps and the parameters of their
// listeners. Programs written for socket.io rely on these names and their meaning. Those that the client has in common
// are in the parser; `Last` and `DecorateAcknowledgements` have another meaning there.

/**
 * A value that the user types, or nobody. Keeps `any` out of the other files, which say why they need it: `npm run check`
 * counts them. `SocketData` is one where a program gives it no type, as in socket.io.
 */
export type Untyped = any;

type AnyFunction = (...args: any[]) => any;

/** `[eventName, ...args]`, as the middlewares of a socket get it. */
export type Event = [string, ...any[]];

/** A listener for all events of a socket. */
export type AnyListener = (...args: any[]) => void;

/** The events that every emitter of Node.js emits by itself. */
export interface EventEmitterReservedEventsMap {
  newListener: (eventName: string | symbol, listener: (...args: any[]) => void) => void;
  removeListener: (eventName: string | symbol, listener: (...args: any[]) => void) => void;
}

type IsAny<T> = 0 extends 1 & T ? true : false;

/** Whether a map, or the last argument of one of its events, is untyped: then every name is allowed everywhere. */
type IsLoose<Map extends EventsMap, K extends EventNames<Map>> = IsAny<Last<Parameters<Map[K]>> | Map[K]>;

type EndsWithCallback<Listener> = Listener extends (...args: infer Args) => any
  ? Args extends [...any[], infer L]
    ? L extends AnyFunction
      ? true
      : false
    : false
  : false;

type KeysEnding<Map extends EventsMap, K extends EventNames<Map>, WithCallback extends boolean> = K extends unknown
  ? EndsWithCallback<Map[K]> extends WithCallback
    ? K
    : never
  : never;

/** The names of the events whose last argument is an acknowledgement. */
export type EventNamesWithAck<Map extends EventsMap, K extends EventNames<Map> = EventNames<Map>> =
  IsLoose<Map, K> extends true ? K : KeysEnding<Map, K, true>;

/** The names of the events that ask for no acknowledgement. */
export type EventNamesWithoutAck<Map extends EventsMap, K extends EventNames<Map> = EventNames<Map>> =
  IsLoose<Map, K> extends true ? K : KeysEnding<Map, K, false>;

/** The events of a map that ask for no acknowledgement. */
export type RemoveAcknowledgements<E extends EventsMap> = { [K in EventNamesWithoutAck<E>]: E[K] };

type TakesErrorFirst<Callback> = Callback extends (...args: infer Args) => any
  ? Args[0] extends Error
    ? true
    : false
  : false;

type KeysWithError<Map extends EventsMap, K extends EventNames<Map>> = K extends unknown
  ? TakesErrorFirst<Last<Parameters<Map[K]>>> extends true
    ? K
    : never
  : never;

/** The names of the events whose acknowledgement takes an error first, as it does after `timeout()`. */
export type EventNamesWithError<Map extends EventsMap, K extends EventNamesWithAck<Map> = EventNamesWithAck<Map>> =
  IsLoose<Map, K> extends true ? K : KeysWithError<Map, K>;

/** Something that emits typed events without being an EventEmitter. */
export interface TypedEventBroadcaster<EmitEvents extends EventsMap> {
  emit<Ev extends EventNames<EmitEvents>>(ev: Ev, ...args: EventParams<EmitEvents, Ev>): boolean;
}

/**
 * A Node EventEmitter with typed events.
 *
 * `ListenEvents` are the user's events to listen to, `EmitEvents` those to emit, `ReservedEvents` those that the library
 * emits itself.
 */
export interface StrictEventEmitter<
  ListenEvents extends EventsMap,
  EmitEvents extends EventsMap,
  ReservedEvents extends EventsMap = {},
>
  extends EventEmitter, TypedEventBroadcaster<EmitEvents> {
  /** Adds a listener. */
  on<Ev extends ReservedOrUserEventNames<ReservedEvents, ListenEvents>>(
    ev: Ev,
    listener: ReservedOrUserListener<ReservedEvents, ListenEvents, Ev>,
  ): this;
  /** Adds a listener for the next time only. */
  once<Ev extends ReservedOrUserEventNames<ReservedEvents, ListenEvents>>(
    ev: Ev,
    listener: ReservedOrUserListener<ReservedEvents, ListenEvents, Ev>,
  ): this;
  /** Emits an event. */
  emit<Ev extends EventNames<EmitEvents>>(ev: Ev, ...args: EventParams<EmitEvents, Ev>): boolean;
  /** The listeners of an event. */
  listeners<Ev extends ReservedOrUserEventNames<ReservedEvents, ListenEvents>>(
    event: Ev,
  ): ReservedOrUserListener<ReservedEvents, ListenEvents, Ev>[];
}

interface StrictEventEmitterConstructor {
  new <
    ListenEvents extends EventsMap,
    EmitEvents extends EventsMap,
    ReservedEvents extends EventsMap = {},
  >(): StrictEventEmitter<ListenEvents, EmitEvents, ReservedEvents>;
}

export const StrictEventEmitter: StrictEventEmitterConstructor = CapturingEmitter as any;

/** Calls a typed method with arguments that are known at run time only. */
export function callUntyped<Name extends string>(
  target: { [name in Name]: AnyFunction },
  name: Name,
  args: readonly any[],
): any {
  return target[name](...args);
}

/** Emits an event to the listeners of an emitter, whose own `emit` may do something else. */
export function emitToListeners(emitter: EventEmitter, event: readonly any[]): boolean {
  return CapturingEmitter.prototype.emit.apply(emitter, event as [string]);
}

/** The last element of a tuple; the element type of an array of unknown length. */
export type Last<T extends readonly unknown[]> = T extends readonly [...any[], infer L]
  ? L
  : T extends ReadonlyArray<infer E>
    ? E
    : never;

/** The first element that is not an error, when an error may come first. */
export type FirstNonErrorTuple<T extends unknown[]> = T[0] extends Error ? T[1] : T[0];

/** What `emitWithAck` resolves to: the first argument of the acknowledgement, after the error if there is one. */
export type FirstNonErrorArg<T> = T extends (...args: infer Params) => any ? FirstNonErrorTuple<Params> : any;

type PrependTimeoutError<T extends any[]> = {
  [K in keyof T]: T[K] extends (...args: infer Params) => infer Result
    ? Params[0] extends Error
      ? T[K]
      : (err: Error, ...args: Params) => Result
    : T[K];
};

/** Each element as an array of such elements. */
export type MultiplyArray<T extends unknown[]> = { [K in keyof T]: T[K][] };

/** The first element alone, its label kept. */
type OnlyFirst<T extends any[]> = T extends [any, ...infer Rest]
  ? T extends [...infer Head, ...Rest]
    ? Head
    : never
  : never;

type CollectedParams<Params extends any[]> = Params extends []
  ? []
  : Params extends [Error]
    ? [err: Error]
    : Params extends [Error, ...infer Rest]
      ? [err: Error, ...responses: OnlyFirst<MultiplyArray<Rest>>]
      : OnlyFirst<MultiplyArray<Params>>;

type ExpectMultipleResponses<T extends any[]> = {
  [K in keyof T]: T[K] extends (...args: infer Params) => infer Result
    ? (...args: CollectedParams<Params>) => Result
    : T[K];
};

/** `timeout()` puts an error before the arguments of the acknowledgement, on the side that emits. */
export type DecorateAcknowledgements<E> = {
  [K in keyof E]: E[K] extends (...args: infer Params) => infer Result
    ? (...args: PrependTimeoutError<Params>) => Result
    : E[K];
};

/** A broadcast collects the first argument of each acknowledgement into an array. */
export type DecorateAcknowledgementsWithMultipleResponses<E> = {
  [K in keyof E]: E[K] extends (...args: infer Params) => infer Result
    ? (...args: ExpectMultipleResponses<Params>) => Result
    : E[K];
};

/** Both of the above, as `serverSideEmit` has it. */
export type DecorateAcknowledgementsWithTimeoutAndMultipleResponses<E> = {
  [K in keyof E]: E[K] extends (...args: infer Params) => infer Result
    ? (...args: ExpectMultipleResponses<PrependTimeoutError<Params>>) => Result
    : E[K];
};
