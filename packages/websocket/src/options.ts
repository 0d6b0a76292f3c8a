import type { Agent, ClientRequest, IncomingMessage, Server as HttpServer } from "node:http";
import type { RequestOptions, Server as HttpsServer } from "node:https";
import type { Duplex } from "node:stream";
import { systemClock } from "./clock.ts";
import type { Clock } from "./clock.ts";
import type { DeflateOptions, ReceiveBudget } from "./core/index.ts";

/** A message as a `message` listener gets it: see `binaryType`. */
export type RawData = Buffer | ArrayBuffer | Buffer[];
/** What can be sent. A number is sent as its decimal text. */
export type Data = string | number | Buffer | ArrayBufferView | ArrayBuffer | SharedArrayBuffer | readonly number[];
/**
 * `nodebuffer`: one Buffer · `arraybuffer`: one ArrayBuffer · `fragments`: an array of Buffers. For binary messages; text is a
 * Buffer always.
 */
export type BinaryType = "nodebuffer" | "arraybuffer" | "fragments";

/** Options of both roles. */
export interface WebSocketOptions {
  /** Bytes of one message, after inflation. Default 104,857,600 (100 MiB). Exceeded: close code 1009. */
  readonly maxPayload?: number;
  /** Frames of one message. Default 1,024, and one more for each 32 bytes of it. Exceeded: close code 1008. */
  readonly maxFragments?: number;
  /** Control frames received within one second. Default 100. Exceeded: close code 1008. */
  readonly maxControlFramesPerSecond?: number;
  /** Bounds what messages that are not complete hold, of all connections that it is given to. Default none. */
  readonly budget?: ReceiveBudget;
  /** Milliseconds that the closing handshake may take. Default 30,000. */
  readonly closeTimeout?: number;
  /** Whether permessage-deflate (RFC 7692) is offered, or accepted, and how. Default false. */
  readonly perMessageDeflate?: boolean | DeflateOptions;
  /** Whether pings are answered. Default true. */
  readonly autoPong?: boolean;
  /** Whether text and close reasons are taken as they come. Default false. */
  readonly skipUTF8Validation?: boolean;
  /** Accepted and ignored, as the next two: every message is an event as it is read. */
  readonly allowSynchronousEvents?: boolean;
  /** Pieces of a message are joined as they arrive, so that small ones take no more memory than large ones. */
  readonly maxBufferedChunks?: number;
  /** While the peer does not read, one pong waits: that for its newest ping (RFC 6455, 5.5.3). */
  readonly maxPendingAutoPongs?: number;
  /** Default: real time. */
  readonly clock?: Clock;
}

/** Options of a client. Those of `http.request` and `tls.connect` go on to them: `agent`, `auth`, `localAddress`, `ca`, `cert`... */
export interface ClientOptions extends WebSocketOptions, Omit<RequestOptions, "agent" | "createConnection"> {
  readonly agent?: Agent | boolean | undefined;
  /** Makes the stream to the server, which may be any Duplex. Default: `net.connect` or `tls.connect`. */
  readonly createConnection?: (
    options: RequestOptions,
    callback: (error: Error | null, stream: Duplex) => void,
  ) => Duplex;
  /** Sends the request, by `request.end()`, when it is ready to. Default: at once. */
  readonly finishRequest?: (request: ClientRequest, socket: unknown) => void;
  /** Default false. */
  readonly followRedirects?: boolean;
  /** Default 10. */
  readonly maxRedirects?: number;
  /** Fills the four bytes of a frame's mask key. Default: random bytes. */
  readonly generateMask?: (key: Buffer) => void;
  /** Milliseconds until the answer must be here; anew for each redirection. Default: none. */
  readonly handshakeTimeout?: number;
  /** The `Origin` header. */
  readonly origin?: string;
  /** 8 or 13. Default 13. */
  readonly protocolVersion?: number;
}

/** What `verifyClient` is told. */
export interface ClientInfo {
  readonly origin: string | undefined;
  /** Whether the connection is encrypted. */
  readonly secure: boolean;
  readonly req: IncomingMessage;
}

/** The answer of `verifyClient`. `status` is that of a refusal, 401 by default, `message` its body. */
export type VerifyCallback = (
  isAccepted: boolean,
  status?: number,
  message?: string,
  headers?: Record<string, string>,
) => void;

/** Options of a `WebSocketServer`. Exactly one of `port`, `server` and `noServer` is needed. */
export interface ServerOptions<Socket = unknown> extends WebSocketOptions {
  readonly port?: number | null;
  readonly host?: string | null;
  /** Length of the queue of connections that wait to be accepted. Default 511. */
  readonly backlog?: number | null;
  readonly server?: HttpServer | HttpsServer | null;
  /** Requests are given by `handleUpgrade`. Default false. */
  readonly noServer?: boolean | null;
  /** Only requests for exactly this path are taken. Default: all. */
  readonly path?: string | null;
  /** Whether `clients` is kept. Default true. */
  readonly clientTracking?: boolean;
  /** Chooses among the offered subprotocols; false: none. Default: the first. */
  readonly handleProtocols?: ((protocols: Set<string>, request: IncomingMessage) => string | false) | null;
  /** Accepts or refuses a client: declared with one parameter, by what it returns; with two, by the callback. */
  readonly verifyClient?: ((info: ClientInfo, callback: VerifyCallback) => boolean | void) | null;
  /** The class of the server's sockets, which extends `WebSocket`. */
  readonly WebSocket?: new (address: null, protocols?: undefined, options?: WebSocketOptions) => Socket;
}

/** What applies where an option is not given. `maxPayload` is that of `ws`: programs written for it rely on it. */
export const DEFAULTS = {
  maxPayload: 100 * 1024 * 1024,
  closeTimeout: 30_000,
  clock: systemClock,
  maxRedirects: 10,
  protocolVersion: 13,
} as const;
