import type { BinaryType, Packet } from "@portage/parser/engine";
import type { Untyped } from "../typed-events.ts";
import type { CloseDetails, Transport } from "./transports/transport.ts";

/** Application data: a string, or bytes in any form. `any`, as listeners of `message` take what they take. */
export type RawData = Untyped;
export type { BinaryType, Packet };

/** Name of a transport: `polling`, `websocket`, or that of an own one. */
export type TransportName = "polling" | "websocket" | (string & {});

/** The class of a transport; its prototype has the transport's `name`. `any`, as each may ask for options of its own. */
export type TransportCtor = { new (options: Untyped): Transport };

/** A key, a certificate or an archive of them, as `tls.connect` of Node.js takes it. */
export type Pem = string | Uint8Array | readonly (string | Uint8Array)[];

/** Options of a {@link Socket}. Those marked "Node.js" have no effect elsewhere. */
export interface SocketOptions {
  /** Host name, perhaps with a port in front of which stands a colon; overridden by the URL. */
  host?: string;
  /** Host name alone; IPv6 addresses with or without brackets. Default: that of the page, else `localhost`. */
  hostname?: string;
  /** Default: that of the page, else 443 or 80. */
  port?: string | number;
  /** TLS. Default: what the URL or the page says. */
  secure?: boolean;
  /** Default `/engine.io`. */
  path?: string;
  /** Whether a slash is appended to `path`. Default true. */
  addTrailingSlash?: boolean;
  /** Query parameters: a record, or an encoded string. `any`, as no interface of a program fits a record of `unknown`. */
  query?: string | Record<string, Untyped>;
  /** WebSocket subprotocols to offer. */
  protocols?: string | string[];
  /** Names of transports in the order in which they are tried, or classes. Default `["polling", "websocket"]`. */
  transports?: readonly TransportName[] | readonly TransportCtor[];
  /** Classes of transports in the order in which they are tried; not together with `transports`. */
  transportImplementations?: readonly TransportCtor[];
  /** Options for one transport only: its name to its options. */
  transportOptions?: object;
  /** Whether to upgrade to a better transport. Default true. */
  upgrade?: boolean;
  /** Starts with WebSocket if the last connection of this process or page succeeded with it. Default false. */
  rememberUpgrade?: boolean;
  /** Whether the next transport is tried when one fails to open. Default false. */
  tryAllTransports?: boolean;
  /**
   * Opens WebSocket first and polling 300 ms behind (at once, if WebSocket fails); the first that opens wins, the other
   * is closed and leaves no session on the server. What won is remembered per server and goes first, alone, until it
   * fails. Takes the place of `rememberUpgrade`; needs both transports. Default false.
   */
  race?: boolean;
  /**
   * Milliseconds that an upgrade may take from its start to the server's `3probe`, then again until polling has paused.
   * Also the time that each transport but the last may take to open with `tryAllTransports`. Default 10000.
   */
  upgradeTimeout?: number;
  /** Milliseconds that one HTTP request may take; 0: no limit. Default 0. */
  requestTimeout?: number;
  /**
   * Whether a message that the server would refuse for its size is refused here: an {@link EngineError} `MESSAGE_TOO_LARGE` is
   * emitted as `error`, and given to the callback of `send`; the connection stays open. Default false: the message is
   * sent, alone, and the server closes the connection.
   */
  refuseTooLarge?: boolean;
  /** Sends bytes as base64 over WebSocket too. Default false. */
  forceBase64?: boolean;
  /** Adds a random query parameter, against caches. Default: on polling. */
  timestampRequests?: boolean;
  /** Its name. Default `t`. */
  timestampParam?: string;
  /** Headers of every request. In browsers those of polling only, as WebSocket takes none. */
  extraHeaders?: Record<string, string>;
  /** Whether cookies go to other origins; in Node.js, whether cookies are kept and sent at all. Default false. */
  withCredentials?: boolean;
  /** Closes the connection when the page is left, before the browser does; if the page stays it works on. Default false. */
  closeOnBeforeunload?: boolean;
  /** Uses the timers found when the module was loaded, so that faked ones do not matter. Default false. */
  useNativeTimers?: boolean;
  /** Node.js: the connection does not keep the process alive. Default false. */
  autoUnref?: boolean;
  /** Node.js: compression of WebSocket messages of at least `threshold` bytes, or false. Default 1024. */
  perMessageDeflate?: { threshold: number } | boolean;
  /** Node.js: an agent of `node:http` or `node:https`; false: the transport's own. Default false. */
  agent?: object | string | boolean;
  /** Node.js, TLS: private key, certificates and authorities in one PKCS #12 archive. */
  pfx?: Pem;
  /** Node.js, TLS: private key. */
  key?: Pem;
  /** Node.js, TLS: passphrase of `key` or `pfx`. */
  passphrase?: string;
  /** Node.js, TLS: certificate. */
  cert?: Pem;
  /** Node.js, TLS: authorities to trust. Default: the well-known ones. */
  ca?: Pem;
  /** Node.js, TLS: cipher suites, in OpenSSL's notation. */
  ciphers?: string;
  /** Node.js, TLS: whether the server's certificate is verified. Default true. */
  rejectUnauthorized?: boolean;
}

/** What the server says in its first packet. */
export interface HandshakeData {
  /** Id of the session. */
  sid: string;
  /** Names of the transports to which the session may be upgraded. */
  upgrades: string[];
  /** Milliseconds between two pings of the server. */
  pingInterval: number;
  /** Milliseconds that a ping may be late. */
  pingTimeout: number;
  /** Most bytes that the server accepts in one message or one HTTP body; absent in old servers. */
  maxPayload: number;
}

/** Options of one message. */
export interface WriteOptions {
  /** Whether the transport may compress it. Default true. */
  compress?: boolean;
}

/** Events of a {@link Socket}. */
export interface SocketReservedEvents {
  open: () => void;
  handshake: (data: HandshakeData) => void;
  packet: (packet: Packet) => void;
  packetCreate: (packet: Packet) => void;
  data: (data: RawData) => void;
  message: (data: RawData) => void;
  drain: () => void;
  flush: () => void;
  heartbeat: () => void;
  ping: () => void;
  pong: () => void;
  error: (error: string | Error) => void;
  upgrading: (transport: Transport) => void;
  upgrade: (transport: Transport) => void;
  upgradeError: (error: Error) => void;
  close: (reason: string, description?: CloseDetails | Error) => void;
}

/** What applies where an option is not given; options that are false by default are absent. */
export const DEFAULTS = {
  path: "/engine.io",
  upgrade: true,
  timestampParam: "t",
  addTrailingSlash: true,
  transportOptions: {},
  upgradeTimeout: 10_000,
} as const;
