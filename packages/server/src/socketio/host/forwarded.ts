/** The methods that the server forwards to its main namespace. */
const FORWARDED_METHODS =
  "on once off addListener removeListener removeAllListeners prependListener prependOnceListener " +
  "listeners rawListeners listenerCount eventNames setMaxListeners getMaxListeners";

/** A server with its main namespace. */
interface Forwarding {
  readonly sockets: object;
}

/** Gives the class of servers the methods of emitters, which act on the main namespace. */
export function forwardToMain(prototype: Forwarding): void {
  for (const name of FORWARDED_METHODS.split(" ")) {
    const forward = function (this: Forwarding, ...args: unknown[]): unknown {
      const method = Reflect.get(this.sockets, name) as (...args: unknown[]) => unknown;
      const result = Reflect.apply(method, this.sockets, args);
      return result === this.sockets ? this : result;
    };
    Object.defineProperty(prototype, name, { value: forward, writable: true, configurable: true });
  }
}
