import type { Auth, CustomParser } from "./typed-events.ts";
import type { SocketOptions as EngineOptions } from "../engine/index.ts";

/** Options of a {@link Manager}, and all those of the engine below it. Times are in milliseconds. */
export interface ManagerOptions extends EngineOptions {
  /** A connection of its own for this socket, instead of sharing one. Default false. */
  forceNew: boolean;
  /** Whether namespaces of one server share a connection. Default true. */
  multiplex: boolean;
  /** Path of the server's requests. Default `/socket.io`. */
  path: string;
  /** Whether a lost connection is opened again. Default true. */
  reconnection: boolean;
  /** How many times in a row that is tried. Default Infinity. A browser that is offline makes none. */
  reconnectionAttempts: number;
  /** Delay before the first attempt; each further one doubles it. Default 1000. */
  reconnectionDelay: number;
  /** The longest delay between attempts. Default 5000. */
  reconnectionDelayMax: number;
  /** How far delays stray at random, from 0 to 1, so that clients don't come back all at once. Default 0.5. */
  randomizationFactor: number;
  /** How long opening a connection may take; 0 is too short for any, false is no limit. Default 20000. */
  timeout: number | false;
  /** Whether to connect at once. Default true. */
  autoConnect: boolean;
  /** `{ Encoder, Decoder }` of another protocol, which the server has to speak as well. Default: that of Socket.IO. */
  parser: CustomParser;
  /**
   * Says when to look after the connection: a reconnection that waits is then tried at once, an open connection that has
   * died meanwhile is noticed. Gets the function to call, returns how to stop. Default: none; the signals of browsers
   * (`online`, `pageshow`, `visibilitychange`) are heard anyway.
   *
   * @example
   * // React Native
   * wakeOn: (wake) => {
   *   const subscription = AppState.addEventListener("change", (state) => state === "active" && wake());
   *   return () => subscription.remove();
   * }
   */
  wakeOn: (wake: () => void) => () => void;
}

/** Options of one socket. */
export interface SocketOptions {
  /** Sent when joining the namespace; the server finds it in `socket.handshake.auth`. Default: nothing. */
  auth?: Auth;
  /**
   * How often an event is sent again when it was not acknowledged. With this, events are sent one at a time, in order,
   * each waiting for its acknowledgement; `Infinity` is "at least once". Default: never, "at most once".
   */
  retries?: number;
  /** How long acknowledgements are waited for, in milliseconds. Default: for as long as the socket is connected. */
  ackTimeout?: number;
}
