import type { Auth, CustomParser } from "./typed-events.ts";
import type { SocketOptions as EngineOptions } from "../engine/index.ts";

/** Options of a {@link Manager}, including all options of the engine. Times are in milliseconds. */
export interface ManagerOptions extends EngineOptions {
  /** Opens a separate connection for this socket. Default false. */
  forceNew: boolean;
  /** Shares one connection between the namespaces of a server. Default true. */
  multiplex: boolean;
  /** Path of the server's requests. Default `/socket.io`. */
  path: string;
  /** Reopens a lost connection. Default true. */
  reconnection: boolean;
  /** Limit of attempts in a row; an offline browser makes none. Default Infinity. */
  reconnectionAttempts: number;
  /** Delay of the first attempt in milliseconds; doubles with each further one. Default 1000. */
  reconnectionDelay: number;
  /** The longest delay of an attempt in milliseconds. Default 5000. */
  reconnectionDelayMax: number;
  /** Random variation of the delays, from 0 to 1, so that clients don't reconnect all at once. Default 0.5. */
  randomizationFactor: number;
  /** Time limit to open a connection; false for none; 0 always fails. Default 20000. */
  timeout: number | false;
  /** Connects at once. Default true. */
  autoConnect: boolean;
  /** `{ Encoder, Decoder }` of another protocol; the server must use it too. Default: Socket.IO's protocol. */
  parser: CustomParser;
  /**
   * Subscribes to wake-up signals of the platform, and returns a function that unsubscribes. Call `wake` on each signal: the
   * manager starts a scheduled reconnection at once, and detects a connection that has died meanwhile. Default: none; the
   * client always listens to the signals of browsers (`online`, `pageshow`, `visibilitychange`).
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
  /** Credentials for the namespace; the server reads them in `socket.handshake.auth`. Default: none. */
  auth?: Auth;
  /**
   * How often an unacknowledged event is sent again. The socket then sends one event at a time, in order, and the next one
   * after its acknowledgement. All tries have one id: the listeners of a Portage server get the event once in a session, and
   * other servers once or several times. Default: never, "at most once".
   */
  retries?: number;
  /** Time limit for acknowledgements, in milliseconds. Default: until the socket disconnects. */
  ackTimeout?: number;
}
