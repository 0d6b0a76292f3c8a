/*
 * Types of acknowledgements. `any` is allowed in files of this name only, as users write the event maps. Programs written
 * for socket.io-client rely on these names.
 */

export type { AllButLast } from "@portage/parser/socket";

/** The callback of an acknowledgement. */
export interface Ack {
  (...args: any[]): void;
  /** Whether the first argument is an error or null, before the peer's arguments. */
  withError_?: boolean;
}

/** A listener for all events; its first argument is the name. */
export type AnyListener = (...args: any[]) => void;

/** The arguments of `message`; any, if the map does not declare it, as `send` is older than the maps. */
export type MessageParams<Map> = Map extends { message: infer L extends AnyListener } ? Parameters<L> : any[];

type PrependTimeoutError<T extends any[]> = {
  [K in keyof T]: T[K] extends (...args: infer Params) => infer Result ? (err: Error, ...args: Params) => Result : T[K];
};

/** The events of a map after `timeout()`: the first argument of their acknowledgements is an error or null. */
export type DecorateAcknowledgements<E> = {
  [K in keyof E]: E[K] extends (...args: infer Params) => infer Result
    ? (...args: PrependTimeoutError<Params>) => Result
    : E[K];
};

/** The last element of a tuple. */
export type Last<T extends any[]> = T extends [...any[], infer L] ? L : any;

/** The result of `emitWithAck`: the first argument of the acknowledgement after the error. */
export type FirstArg<T> = T extends (...args: infer Params) => any
  ? Params extends [Error, infer Second, ...any[]]
    ? Second
    : Params[0]
  : any;

/** The credentials of a socket: plain data, or a function that passes them to its callback, now or later. */
export type Auth = { [key: string]: any } | ((cb: (data: object) => void) => void);

/** A parser of packets, such as `socket.io-msgpack-parser`. */
export type CustomParser = any;

/** An error of the server, with the data of its middleware. */
export interface ExtendedError extends Error {
  /** Any JSON value, from the server's middleware. */
  data?: any;
}
