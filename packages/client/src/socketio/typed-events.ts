/*
 * `any` is allowed in files of this name only: the maps of events are written by users. What acknowledgements add to
 * the types of the emitter; the names are those that programs written for socket.io-client rely on.
 */

/** An acknowledgement as the socket keeps it. */
export interface Ack {
  (...args: any[]): void;
  /** Whether an error, or null, comes before the arguments of the peer. */
  withError_?: boolean;
}

/** A listener of every event, its name first. */
export type AnyListener = (...args: any[]) => void;

/** The arguments of `message`; those of a map that does not tell of it are free, as `send` is older than the maps. */
export type MessageParams<Map> = Map extends { message: infer L extends AnyListener } ? Parameters<L> : any[];

type PrependTimeoutError<T extends any[]> = {
  [K in keyof T]: T[K] extends (...args: infer Params) => infer Result ? (err: Error, ...args: Params) => Result : T[K];
};

/** The events of a map after `timeout()`: their acknowledgements get an error, or null, first. */
export type DecorateAcknowledgements<E> = {
  [K in keyof E]: E[K] extends (...args: infer Params) => infer Result
    ? (...args: PrependTimeoutError<Params>) => Result
    : E[K];
};

/** The last element of a tuple. */
export type Last<T extends any[]> = T extends [...any[], infer L] ? L : any;

/** A tuple without its last element. */
export type AllButLast<T extends any[]> = T extends [...infer Rest, any] ? Rest : any[];

/** What `emitWithAck` resolves to: the first argument of the acknowledgement that isn't the error. */
export type FirstArg<T> = T extends (...args: infer Params) => any
  ? Params extends [Error, infer Second, ...any[]]
    ? Second
    : Params[0]
  : any;

/** The credentials of a socket: plain data, or a function that gives them to its callback, now or later. */
export type Auth = { [key: string]: any } | ((cb: (data: object) => void) => void);

/** A parser of packets, such as `socket.io-msgpack-parser`. */
export type CustomParser = any;

/** An error as a server reports it, with what its middleware attached. */
export interface ExtendedError extends Error {
  data?: any;
}
