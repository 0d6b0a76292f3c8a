import type { BinaryType, Packet } from "@portage/parser/engine";
import type { Untyped } from "../typed-events.ts";
import type { CloseDetails, Transport } from "./transports/transport.ts";

/** Application data: a string, or bytes in any form. `any`, so that listeners of `message` may declare their own type. */
export type RawData = Untyped;
export type { BinaryType, Packet };

/** Name of a transport: `polling`, `websocket`, or a custom name. */
export type TransportName = "polling" | "websocket" | (string & {});

/** The class of a transport, with `name` on its prototype. `any`, as each class may need its own options. */
export type TransportCtor = { new (options: Untyped): Transport };

/** A key, a certificate or an archive, as `tls.connect` of Node.js accepts it. */
export type Pem = string | Uint8Array | readonly (string | Uint8Array)[];

/** Options of a {@link Socket}. Options marked "Node.js" have no effect elsewhere. */
export interface SocketOptions {
  /** Host name, optionally followed by `:` and a port. The URL overrides it. Default: none. */
  host?: string;
  /** Host name alone; IPv6 addresses with or without brackets. Default: the page's, else `localhost`. */
  hostname?: string;
  /** Default: the page's, else 443 or 80. */
  port?: string | number;
  /** Whether to use TLS. Default: as in the URL, else as the page. */
  secure?: boolean;
  /** Default `/engine.io`. */
  path?: string;
  /** Appends a slash to `path`. Default true. */
  addTrailingSlash?: boolean;
  /**
   * Query parameters: a record or an encoded string. `any`, as interfaces are not assignable to a record of
   * `unknown`. Default: none.
   */
  query?: string | Record<string, Untyped>;
  /** WebSocket subprotocols to offer. Default: none. */
  protocols?: string | string[];
  /** Names or classes of transports, in the order to try. Default `["polling", "websocket"]`. */
  transports?: readonly TransportName[] | readonly TransportCtor[];
  /** Classes of transports, in the order to try; excludes `transports`. Default: none. */
  transportImplementations?: readonly TransportCtor[];
  /** Options for single transports, by the transport's name. Default: none. */
  transportOptions?: object;
  /** Upgrades to a better transport. Default true. */
  upgrade?: boolean;
  /** Starts with WebSocket if it worked for the last connection of this process or page. Default false. */
  rememberUpgrade?: boolean;
  /** Tries the next transport when one fails to open. Default false. */
  tryAllTransports?: boolean;
  /**
   * Opens WebSocket, and polling 300 ms later or as soon as WebSocket fails. The first to open wins; the other is
   * closed and leaves no session on the server. The winner is remembered per server and opens alone until it fails; a
   * WebSocket that ends before a message has arrived leaves that to polling for 30 s. Replaces `rememberUpgrade`; needs
   * both transports. Default false.
   */
  race?: boolean;
  /**
   * Time limit for an upgrade in milliseconds: once until the server's `3probe`, and again until polling has paused. With
   * `tryAllTransports`, also the limit for each transport but the last to open. Default 10000.
   */
  upgradeTimeout?: number;
  /**
   * Whether the session survives the death of its transport, such as a WebSocket that a proxy cuts: the socket returns over
   * another transport, and both ends send again what the other has not received. Needs a server of Portage; others are not
   * affected. Has no effect if `query` contains `carry`, `key` or `turn`. Default true.
   */
  carry?: boolean;
  /**
   * Whether the answer to a poll may go on, packet by packet, where the session can be carried (`carry`) and the server
   * agrees. Without WebSocket, messages then arrive sooner and cost less. Where a proxy holds answers back, the client polls
   * as usual. Default true.
   */
  stream?: boolean;
  /** Time limit for one HTTP request in milliseconds; 0 for none. Default 0. */
  requestTimeout?: number;
  /**
   * Refuses messages larger than the server accepts. The socket emits an {@link EngineError} `MESSAGE_TOO_LARGE` as `error`,
   * passes it to the callback of `send`, and stays open. Default false: the message is sent, and the server closes the
   * connection.
   */
  refuseTooLarge?: boolean;
  /** Sends bytes as base64 over WebSocket too. Default false. */
  forceBase64?: boolean;
  /** Adds a random query parameter, to bypass caches. Default: polling only. */
  timestampRequests?: boolean;
  /** Name of that parameter. Default `t`. */
  timestampParam?: string;
  /** Headers of every request. In browsers polling only, as their WebSocket accepts none. Default: none. */
  extraHeaders?: Record<string, string>;
  /** Sends cookies to other origins; in Node.js, stores and sends cookies at all. Default false. */
  withCredentials?: boolean;
  /** Closes the connection when the user has left the page, before the browser does. Default false. */
  closeOnBeforeunload?: boolean;
  /** Uses the timers found when the module was loaded, so fake timers have no effect. Default false. */
  useNativeTimers?: boolean;
  /** Node.js: the connection does not keep the process alive. Default false. */
  autoUnref?: boolean;
  /** Node.js: compression of WebSocket messages of at least `threshold` bytes, or false. Default 1024. */
  perMessageDeflate?: { threshold: number } | boolean;
  /** Node.js: an agent of `node:http` or `node:https`; false: the transport's own. Default false. */
  agent?: object | string | boolean;
  /** Node.js, TLS: PKCS #12 archive with private key, certificates and authorities. Default: none. */
  pfx?: Pem;
  /** Node.js, TLS: private key. Default: none. */
  key?: Pem;
  /** Node.js, TLS: passphrase of `key` or `pfx`. Default: none. */
  passphrase?: string;
  /** Node.js, TLS: certificate. Default: none. */
  cert?: Pem;
  /** Node.js, TLS: authorities to trust. Default: the well-known ones. */
  ca?: Pem;
  /** Node.js, TLS: cipher suites, in OpenSSL's notation. Default: as Node.js. */
  ciphers?: string;
  /** Node.js, TLS: verifies the server's certificate. Default true. */
  rejectUnauthorized?: boolean;
}

/** What a server says that lets sessions survive. */
export interface CarryAgreement {
  /** Proves that a returning client is the one that opened the session. */
  key: string;
  /** Milliseconds that a session without a transport waits for its client. */
  window: number;
}

/** Content of the server's first packet. */
export interface HandshakeData {
  /** Id of the session. */
  sid: string;
  /** Names of the transports that the server offers for an upgrade. */
  upgrades: string[];
  /** Interval of the server's pings in milliseconds. */
  pingInterval: number;
  /** Delay in milliseconds after which a ping is overdue. */
  pingTimeout: number;
  /** Size limit in bytes for one message or HTTP body; old servers omit it. */
  maxPayload: number;
  /** How the session survives the death of its transport, if the server agrees; see the option `carry`. */
  carry?: CarryAgreement;
  /** 1 if the client may send trace contexts; see the entry `trace`. */
  trace?: 1;
}

/** Options of one message. */
export interface WriteOptions {
  /** Whether the transport may compress it. Default true. */
  compress?: boolean;
}

/** Events of a {@link Socket}. */
export interface SocketReservedEvents {
  /** The session is open. */
  open: () => void;
  /** The server's first packet has arrived. */
  handshake: (data: HandshakeData) => void;
  /** A packet has arrived. */
  packet: (packet: Packet) => void;
  /** A packet is about to be queued. */
  packetCreate: (packet: Packet) => void;
  /** A message has arrived. */
  data: (data: RawData) => void;
  /** The same as `data`. */
  message: (data: RawData) => void;
  /** The outgoing queue is empty. */
  drain: () => void;
  /** Queued packets were handed to the transport. */
  flush: () => void;
  /** A packet has arrived: the server is alive. */
  heartbeat: () => void;
  /** The server has sent a ping. */
  ping: () => void;
  /** A ping has been answered. */
  pong: () => void;
  /** The session failed or could not be opened, or a message is too large. */
  error: (error: string | Error) => void;
  /** An upgrade to the transport begins. */
  upgrading: (transport: Transport) => void;
  /** The session has moved to the transport. */
  upgrade: (transport: Transport) => void;
  /** The session goes on over another transport after the death of one: their names. */
  carried: (from: string, to: string) => void;
  /** The upgrade failed; the session stays on its transport. */
  upgradeError: (error: Error) => void;
  /** The session has ended. */
  close: (reason: string, description?: CloseDetails | Error) => void;
}

/** Defaults; options that are false by default are omitted. */
export const DEFAULTS = {
  path: "/engine.io",
  upgrade: true,
  timestampParam: "t",
  addTrailingSlash: true,
  transportOptions: {},
  upgradeTimeout: 10_000,
} as const;
