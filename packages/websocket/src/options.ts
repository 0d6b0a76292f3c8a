import type { Agent, ClientRequest, ClientRequestArgs } from "node:http";
import type { RequestOptions } from "node:https";
import type { createConnection } from "node:net";
import { systemClock } from "./clock.ts";
import type { Clock } from "./clock.ts";
import type { DeflateOptions, ReceiveBudget } from "./core/index.ts";

/** A message as a `message` listener gets it: see `binaryType`. */
export type RawData = Buffer | ArrayBuffer | Buffer[];
/** A message as the handlers of `addEventListener` get it: text is a string there. */
export type Data = string | RawData;
/** What can be sent. A number is sent as its decimal text, an array of Buffers as one message. */
export type Sendable =
  | string
  | number
  | Buffer
  | ArrayBufferView
  | ArrayBuffer
  | SharedArrayBuffer
  | readonly number[]
  | readonly Uint8Array[];
/**
 * `nodebuffer`: one Buffer · `arraybuffer`: one ArrayBuffer · `fragments`: an array of Buffers. For binary messages; text is a
 * Buffer always.
 */
export type BinaryType = "nodebuffer" | "arraybuffer" | "fragments";

/** Options of both roles. */
export interface WebSocketOptions {
  /** Bytes of one message, after inflation. Default 104,857,600 (100 MiB). Exceeded: close code 1009. */
  maxPayload?: number | undefined;
  /** Frames of one message. Default 16,384, and one more for each 32 bytes of it. Exceeded: close code 1008. */
  maxFragments?: number | undefined;
  /** Control frames received within one second. Default 100. Exceeded: close code 1008. */
  maxControlFramesPerSecond?: number | undefined;
  /** Bounds what messages that are not complete hold, of all connections that it is given to. Default none. */
  budget?: ReceiveBudget | undefined;
  /** Milliseconds that the closing handshake may take. Default 30,000. */
  closeTimeout?: number | undefined;
  /** Whether permessage-deflate (RFC 7692) is offered, or accepted, and how. Default false. */
  perMessageDeflate?: boolean | DeflateOptions | undefined;
  /** Whether pings are answered. Default true. */
  autoPong?: boolean | undefined;
  /** Whether text and close reasons are taken as they come. Default false. */
  skipUTF8Validation?: boolean | undefined;
  /** Accepted and ignored, as the next two: every message is an event as it is read. */
  allowSynchronousEvents?: boolean | undefined;
  /** Pieces of a message are joined as they arrive, so that small ones take no more memory than large ones. */
  maxBufferedChunks?: number | undefined;
  /** While the peer does not read, one pong waits: that for its newest ping (RFC 6455, 5.5.3). */
  maxPendingAutoPongs?: number | undefined;
  /** Default: real time. */
  clock?: Clock | undefined;
}

/** Options of a client, before its socket has a type. Those of `http.request` and `tls.connect` go on to them: `agent`, `auth`, `localAddress`, `ca`, `cert`... */
export interface ConnectOptions extends WebSocketOptions, Omit<RequestOptions, "agent" | "createConnection"> {
  agent?: Agent | boolean | undefined;
  /** Makes the stream to the server, which may be any Duplex. Default: `net.connect` or `tls.connect`. */
  createConnection?: ClientRequestArgs["createConnection"] | typeof createConnection;
  /** Sends the request, by `request.end()`, when it is ready to. Default: at once. */
  finishRequest?: ((request: ClientRequest, socket: never) => void) | undefined;
  /** The subprotocols that are offered, when the argument `protocols` is not given. */
  protocols?: string | readonly string[] | undefined;
  /** Default false. */
  followRedirects?: boolean | undefined;
  /** Default 10. */
  maxRedirects?: number | undefined;
  /** Fills the four bytes of a frame's mask key. Default: random bytes. */
  generateMask?: ((key: Buffer) => void) | undefined;
  /** Milliseconds until the answer must be here; anew for each redirection. Default: none. */
  handshakeTimeout?: number | undefined;
  /** The `Origin` header. */
  origin?: string | undefined;
  /** 8 or 13. Default 13. */
  protocolVersion?: number | undefined;
}

/** What applies where an option is not given. The limits are those of `ws`: programs written for it rely on them. */
export const DEFAULTS = {
  maxFragments: 16 * 1024,
  maxPayload: 100 * 1024 * 1024,
  closeTimeout: 30_000,
  clock: systemClock,
  maxRedirects: 10,
  protocolVersion: 13,
} as const;
