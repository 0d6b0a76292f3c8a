import type { Agent, ClientRequest, ClientRequestArgs } from "node:http";
import type { RequestOptions } from "node:https";
import type { createConnection } from "node:net";
import { systemClock } from "./clock.ts";
import type { Clock } from "./clock.ts";
import type { DeflateOptions, ReceiveBudget } from "./core/index.ts";

/** A message for a `message` listener; see `binaryType`. */
export type RawData = Buffer | ArrayBuffer | Buffer[];
/** A message for a handler of `addEventListener`: text is a string there. */
export type Data = string | RawData;
/** Data to send. A number is sent as decimal text, an array of Buffers as one message. */
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
 * How binary messages are delivered. `nodebuffer`: one Buffer · `arraybuffer`: one ArrayBuffer ·
 * `fragments`: an array of Buffers. Text is always a Buffer.
 */
export type BinaryType = "nodebuffer" | "arraybuffer" | "fragments";

/** Options of both roles. */
export interface WebSocketOptions {
  /**
   * Bytes of one message, after decompression. Default 104,857,600 (100 MiB).
   * Exceeded: close code 1009.
   */
  maxPayload?: number | undefined;
  /**
   * Frames of one message. Default 16,384, plus one per 32 bytes of the message.
   * Exceeded: close code 1008.
   */
  maxFragments?: number | undefined;
  /** Control frames received within one second. Default 100. Exceeded: close code 1008. */
  maxControlFramesPerSecond?: number | undefined;
  /**
   * Bounds the memory of incomplete messages, across all connections with this budget. Default
   * none. Exceeded: close code 1013.
   */
  budget?: ReceiveBudget | undefined;
  /** Milliseconds until an unfinished closing handshake destroys the stream. Default 30,000. */
  closeTimeout?: number | undefined;
  /** Whether and how permessage-deflate (RFC 7692) is offered or accepted. Default false. */
  perMessageDeflate?: boolean | DeflateOptions | undefined;
  /** Whether pings are answered. Default true. */
  autoPong?: boolean | undefined;
  /** Whether to skip the UTF-8 check of text messages. Default false. */
  skipUTF8Validation?: boolean | undefined;
  /** Accepted and ignored, like the next two: each message is emitted as it is read. */
  allowSynchronousEvents?: boolean | undefined;
  /** Accepted and ignored. Pieces of a message are joined as they arrive, so small pieces take no extra memory. */
  maxBufferedChunks?: number | undefined;
  /** Accepted and ignored. While the peer does not read, one pong is queued: for its newest ping (RFC 6455, 5.5.3). */
  maxPendingAutoPongs?: number | undefined;
  /** Source of time. Default: real time. */
  clock?: Clock | undefined;
}

/**
 * Options of a client, before its socket has a type. `http.request` and `tls.connect` get theirs:
 * `agent`, `auth`, `localAddress`, `ca`, `cert`...
 */
export interface ConnectOptions extends WebSocketOptions, Omit<RequestOptions, "agent" | "createConnection"> {
  /** The agent of the request, as `http.request` takes it. Default: its default. */
  agent?: Agent | boolean | undefined;
  /** Makes the stream to the server, any Duplex. Default: `net.connect` or `tls.connect`. */
  createConnection?: ClientRequestArgs["createConnection"] | typeof createConnection;
  /** Sends the request, with `request.end()`, once it is complete. Default: at once. */
  finishRequest?: ((request: ClientRequest, socket: never) => void) | undefined;
  /** The offered subprotocols, if the argument `protocols` is omitted. Default: none. */
  protocols?: string | readonly string[] | undefined;
  /** Whether redirects are followed. Default false. */
  followRedirects?: boolean | undefined;
  /** Most redirects of one attempt. Default 10. */
  maxRedirects?: number | undefined;
  /** Fills a frame's mask key, four bytes. Default: random bytes. */
  generateMask?: ((key: Buffer) => void) | undefined;
  /** Milliseconds for the response; restarted by each redirect. Default: unlimited. */
  handshakeTimeout?: number | undefined;
  /** The `Origin` header. Default: none. */
  origin?: string | undefined;
  /** WebSocket version, 8 or 13. Default 13. */
  protocolVersion?: number | undefined;
}

/** Defaults of options. The limits match `ws`, since programs rely on them. */
export const WEBSOCKET_DEFAULTS = {
  maxFragments: 16 * 1024,
  maxPayload: 100 * 1024 * 1024,
  closeTimeout: 30_000,
  clock: systemClock,
  maxRedirects: 10,
  protocolVersion: 13,
} as const;
