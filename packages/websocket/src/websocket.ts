import type { ClientRequestArgs } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { parseClientUrl } from "./client/client-url.ts";
import { defineUnderscored, SOCKET_NAMES } from "./compatible-names.ts";
import { ConnectAttempt } from "./client/connect.ts";
import { clockOf } from "./clock.ts";
import {
  areValidProtocols,
  CLOSE_CODE,
  isValidCloseCode,
  limitsOf,
  OPCODE,
  OptionError,
  soon,
  UsageError,
} from "./core/index.ts";
import { dataSize, toControlData, toPayload, toReason } from "./data.ts";
import { Endpoint, READY_STATE } from "./endpoint.ts";
import type { ReadyState } from "./endpoint.ts";
import { WebSocketEventTarget } from "./event-target.ts";
import type { StreamLink } from "./link/link.ts";
import { WEBSOCKET_DEFAULTS } from "./options.ts";
import type { FinishRequestCallback } from "./compatible-types.ts";
import type { BinaryType, ConnectOptions, Sendable, WebSocketOptions } from "./options.ts";
import type { WriteCallback } from "./link/write-callbacks.ts";

/** How one message is sent. */
export interface SendOptions {
  /** Whether the message is binary. Default: true unless `data` is a string. */
  readonly binary?: boolean | undefined;
  /** Whether the message may be compressed, if permessage-deflate was negotiated. Default true. */
  readonly compress?: boolean | undefined;
  /** Whether this is the last part of the message. Default true. */
  readonly fin?: boolean | undefined;
  /** Accepted and ignored: clients mask, servers do not (RFC 6455, 5.1). */
  readonly mask?: boolean | undefined;
}

const BINARY_TYPES: ReadonlySet<string> = new Set(["nodebuffer", "arraybuffer", "fragments"]);
const ATTRIBUTES =
  "binaryType bufferedAmount extensions isPaused protocol readyState url onopen onmessage onclose onerror".split(" ");
const STATE_NAMES = Object.keys(READY_STATE);

/**
 * A symbol: a socket can be wrapped by a Proxy or inherited from, and no
 * name of a program is taken.
 */
const kEndpoint = Symbol("endpoint");

/** Gives this package access to a socket's endpoint; not for users of the package. */
export let endpointOf: (socket: WebSocket) => Endpoint;

/**
 * Options of a client. `http.request` and `tls.connect` get theirs: `agent`, `auth`,
 * `localAddress`, `ca`, `cert`...
 */
export interface ClientOptions extends Omit<ConnectOptions, "finishRequest"> {
  /** Sends the request, with `request.end()`, once it is complete. Default: at once. */
  finishRequest?: FinishRequestCallback | undefined;
}

/**
 * A WebSocket: a client, or a connection of a `WebSocketServer`. Has the interface
 * of the npm package `ws` 8.
 *
 * @example
 * const socket = new WebSocket("wss://example.org/chat", ["v2", "v1"], { handshakeTimeout: 5000 });
 * socket.on("open", () => socket.send("hello"));
 * socket.on("message", (data, isBinary) => console.log(isBinary ? data : data.toString()));
 * socket.on("close", (code, reason) => console.log(code, reason.toString()));
 * socket.on("error", console.error);
 */
export class WebSocket extends WebSocketEventTarget<WebSocket> {
  declare static readonly CONNECTING: 0;
  declare static readonly OPEN: 1;
  declare static readonly CLOSING: 2;
  declare static readonly CLOSED: 3;
  declare readonly CONNECTING: 0;
  declare readonly OPEN: 1;
  declare readonly CLOSING: 2;
  declare readonly CLOSED: 3;

  private readonly [kEndpoint]: Endpoint;

  static {
    for (const [name, value] of Object.entries(READY_STATE)) {
      Object.defineProperty(WebSocket, name, { value, enumerable: true });
      Object.defineProperty(WebSocket.prototype, name, { value, enumerable: true });
    }
    showAttributes(WebSocket.prototype);
    endpointOf = (socket) => socket[kEndpoint];
    defineUnderscored(WebSocket.prototype, SOCKET_NAMES, endpointOf);
  }

  /**
   * Connects to `address`. With null, makes a server's socket, which the server connects.
   *
   * @throws SyntaxError for an invalid URL or subprotocol; RangeError for a protocol version other
   * than 8 and 13; OptionError for an invalid option
   */
  constructor(address: null, protocols?: undefined, options?: WebSocketOptions);
  constructor(address: string | URL, options?: ClientOptions | ClientRequestArgs);
  constructor(
    address: string | URL,
    protocols?: string | readonly string[],
    options?: ClientOptions | ClientRequestArgs,
  );
  constructor(
    address: string | URL | null,
    protocols?: string | readonly string[] | ClientOptions | ClientRequestArgs,
    options?: WebSocketOptions | ClientOptions | ClientRequestArgs,
  ) {
    super();
    const [offered, settings] = argumentsOf(protocols, options);
    this[kEndpoint] = new Endpoint(this, address === null ? "server" : "client", settings);
    if (address === null) return;
    const { protocolVersion = WEBSOCKET_DEFAULTS.protocolVersion } = settings;
    if (protocolVersion !== 13 && protocolVersion !== 8) {
      throw new RangeError(`Unsupported protocol version: ${protocolVersion} (supported versions: 8, 13)`);
    }
    if (settings.generateMask && typeof settings.generateMask !== "function") {
      throw new OptionError("`generateMask` must be a function");
    }
    limitsOf(settings);
    clockOf(settings.clock);
    const url = parseClientUrl(address);
    if (!areValidProtocols(offered)) throw new SyntaxError("An invalid or duplicated subprotocol was specified");
    this[kEndpoint].connect(new ConnectAttempt(url, offered, settings, this[kEndpoint]));
  }

  /** `CONNECTING`, `OPEN`, `CLOSING` or `CLOSED`, as a number. */
  get readyState(): ReadyState {
    return this[kEndpoint].readyState;
  }

  /** A client's URL, after redirects; "" on a server. */
  get url(): string {
    return this[kEndpoint].url;
  }

  /** The chosen subprotocol, or "". */
  get protocol(): string {
    return this[kEndpoint].protocol;
  }

  /** The names of the negotiated extensions, or "". */
  get extensions(): string {
    return this[kEndpoint].deflate === undefined ? "" : "permessage-deflate";
  }

  /** Bytes queued to be sent, plus the bytes of messages sent after the end. */
  get bufferedAmount(): number {
    const { link, unsentBytes } = this[kEndpoint];
    return (link?.bufferedBytes ?? 0) + unsentBytes;
  }

  /** Whether `pause` has stopped messages. */
  get isPaused(): boolean {
    return this[kEndpoint].isPaused;
  }

  /**
   * How binary messages are delivered. Default "nodebuffer". Setting an
   * unknown value has no effect.
   */
  get binaryType(): BinaryType {
    return this[kEndpoint].binaryType;
  }

  set binaryType(type: BinaryType) {
    if (BINARY_TYPES.has(type)) this[kEndpoint].binaryType = type;
  }

  /** The underlying stream, named as in `ws`; null before the connection is open. */
  declare _socket: Socket;

  /**
   * Sends a message. A buffer must not change until `callback`. On a closing or closed socket, the
   * message only counts in `bufferedAmount`, and the callback gets an error.
   *
   * @throws Error while connecting; UsageError for a callback that is not a function
   */
  send(data: Sendable, callback?: WriteCallback): void;
  send(data: Sendable, options?: SendOptions, callback?: WriteCallback): void;
  send(data: Sendable, given?: SendOptions | WriteCallback | null, callback?: WriteCallback): void {
    const onWritten = typeof given === "function" ? given : callback;
    const link = linkToSend(this[kEndpoint], data, onWritten);
    if (link === undefined) return;
    const payload = toPayload(data);
    const isText = typeof payload === "string";
    if (typeof given !== "object" || given === null)
      link.sendMessage(payload, isText ? OPCODE.text : OPCODE.binary, true, true);
    else sendWith(link, payload, given);
    if (typeof onWritten === "function") link.whenWritten(onWritten);
  }

  /**
   * Sends a message made once by `frameText` or `frameBinary`, for many sockets of a server.
   *
   * @throws UsageError `WS_ERR_CLIENT_FRAME` on a client, which masks each frame;
   * `WS_ERR_INVALID_FRAME` for any value but a Buffer
   * @throws Error while connecting
   */
  sendFrame(frame: Buffer, callback?: WriteCallback): void {
    if (this[kEndpoint].role === "client") throw new UsageError("WS_ERR_CLIENT_FRAME");
    if (!Buffer.isBuffer(frame)) throw new UsageError("WS_ERR_INVALID_FRAME");
    const link = linkToSend(this[kEndpoint], frame, callback);
    if (link === undefined) return;
    link.sendFrame(frame);
    if (typeof callback === "function") link.whenWritten(callback);
  }

  /**
   * Sends a ping of at most 125 bytes. `mask` is ignored.
   * @throws Error while connecting; RangeError for more bytes
   */
  ping(callback?: WriteCallback): void;
  ping(data?: unknown, callback?: WriteCallback): void;
  ping(data?: unknown, mask?: boolean, callback?: WriteCallback): void;
  ping(...given: unknown[]): void {
    sendControl(this[kEndpoint], "ping", given);
  }

  /** Sends an unsolicited pong, like `ping`. */
  pong(callback?: WriteCallback): void;
  pong(data?: unknown, callback?: WriteCallback): void;
  pong(data?: unknown, mask?: boolean, callback?: WriteCallback): void;
  pong(...given: unknown[]): void {
    sendControl(this[kEndpoint], "pong", given);
  }

  /**
   * Begins the closing handshake, or aborts the attempt to connect. Destroys the stream if the peer
   * does not answer within `closeTimeout`. Ignores code and reason on a socket that is not open.
   *
   * @throws TypeError for a code that must not be sent, or a reason that is neither text nor bytes;
   * RangeError for a reason of more than 123 bytes
   */
  close(code?: number, reason?: string | Buffer): void {
    const endpoint = this[kEndpoint];
    if (endpoint.readyState !== READY_STATE.OPEN) return endpoint.close(undefined, "");
    if (code !== undefined && !(typeof code === "number" && isValidCloseCode(code))) {
      throw new TypeError("First argument must be a valid error code number");
    }
    endpoint.close(code, code === undefined ? "" : toReason(reason));
  }

  /** Destroys the stream, or aborts the attempt to connect, at once. */
  terminate(): void {
    this[kEndpoint].terminate();
  }

  /**
   * Stops emitting messages, from the next one on. Has no effect before `open` and after `close`.
   */
  pause(): void {
    this[kEndpoint].pause();
  }

  /** Continues to emit messages after `pause`. */
  resume(): void {
    this[kEndpoint].resume();
  }

  /**
   * Joins the socket to a stream after its opening handshake, as a server does. For tests, and for
   * servers that answer handshakes themselves.
   *
   * @example
   * const socket = new WebSocket(null, undefined, {});
   * socket.setSocket(stream, Buffer.alloc(0), { maxPayload: 65_536 });
   */
  setSocket(stream: Duplex, head?: Buffer | null, options: WebSocketOptions = {}): void {
    this[kEndpoint].open(stream, head, options);
  }

  /** Sets `readyState` to `CLOSED` and emits `close`. */
  emitClose(): void {
    const { link } = this[kEndpoint];
    this[kEndpoint].ended(link?.closeCode ?? CLOSE_CODE.abnormal, Buffer.from(link?.closeReason ?? ""));
  }
}

/**
 * Returns the link if it can send. Otherwise counts the message and passes
 * an error to the callback.
 */
function linkToSend(endpoint: Endpoint, data: unknown, callback: unknown): Endpoint["link"] {
  const { readyState } = endpoint;
  if (callback && typeof callback !== "function") throw new UsageError("WS_ERR_INVALID_CALLBACK");
  if (readyState === READY_STATE.OPEN) return endpoint.link;
  const error = new Error(`WebSocket is not open: readyState ${readyState} (${STATE_NAMES[readyState]})`);
  if (readyState === READY_STATE.CONNECTING) throw error;
  endpoint.unsentBytes += dataSize(data);
  if (callback) soon(callback as WriteCallback, error);
  return undefined;
}

/** Sends with options, read as in `ws`: the value of a given option counts as true or false. */
function sendWith(link: StreamLink, payload: string | Buffer, options: SendOptions): void {
  const isBinary = "binary" in options ? Boolean(options.binary) : typeof payload !== "string";
  const compress = "compress" in options ? Boolean(options.compress) : true;
  // An undefined `fin` counts as omitted: otherwise the message would never end.
  const { fin = true }: { fin?: unknown } = options;
  link.sendMessage(payload, isBinary ? OPCODE.binary : OPCODE.text, compress, Boolean(fin));
}

/** Sends a ping or pong. The last function among the arguments is the callback. */
function sendControl(endpoint: Endpoint, kind: "ping" | "pong", given: readonly unknown[]): void {
  const [data, mask, last] = given;
  const payload = typeof data === "function" ? undefined : data;
  const callback = [data, mask].find((argument) => typeof argument === "function") ?? last;
  const link = linkToSend(endpoint, payload, callback);
  if (link === undefined) return;
  link[kind](toControlData(payload));
  if (typeof callback === "function") link.whenWritten(callback as WriteCallback);
}

/** Makes the attributes enumerable on the prototype itself, as WebIDL does. */
function showAttributes(prototype: WebSocket): void {
  for (const name of ATTRIBUTES) {
    const owner = Object.hasOwn(prototype, name) ? prototype : (Object.getPrototypeOf(prototype) as object);
    const descriptor = Object.getOwnPropertyDescriptor(owner, name);
    Object.defineProperty(prototype, name, { ...descriptor, enumerable: true });
  }
}

function argumentsOf(
  protocols: string | readonly string[] | ClientOptions | undefined,
  options: ClientOptions | undefined,
): [readonly string[], ClientOptions] {
  const isOptions = typeof protocols === "object" && protocols !== null && !Array.isArray(protocols);
  const settings = (isOptions ? (protocols as ClientOptions) : options) || {};
  const offered = isOptions || protocols === undefined ? settings.protocols : protocols;
  if (offered === undefined) return [[], settings];
  return [Array.isArray(offered) ? (offered as readonly string[]) : [offered as string], settings];
}
