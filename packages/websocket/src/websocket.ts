import type { Duplex } from "node:stream";
import { parseClientUrl } from "./client-url.ts";
import { ConnectAttempt } from "./connect.ts";
import { isValidCloseCode, OPCODE } from "./core/index.ts";
import { dataSize, MAX_REASON, toControlData, toPayload } from "./data.ts";
import { Endpoint, READY_STATE } from "./endpoint.ts";
import type { ReadyState } from "./endpoint.ts";
import { WebSocketEventTarget } from "./event-target.ts";
import { DEFAULTS } from "./options.ts";
import type { BinaryType, ClientOptions, Data } from "./options.ts";
import { areValidProtocols } from "./subprotocol.ts";
import type { WriteCallback } from "./write-callbacks.ts";

/** How one message is sent. */
export interface SendOptions {
  /** Whether it is a binary message. Default: unless `data` is a string. */
  readonly binary?: boolean | undefined;
  /** Whether it may be compressed, when permessage-deflate was negotiated. Default true. */
  readonly compress?: boolean | undefined;
  /** False: more parts of the message follow by further calls. Default true. */
  readonly fin?: boolean | undefined;
  /** Accepted and ignored: a client masks, a server does not (RFC 6455, 5.1). */
  readonly mask?: boolean | undefined;
}

const BINARY_TYPES: ReadonlySet<string> = new Set(["nodebuffer", "arraybuffer", "fragments"]);
const ATTRIBUTES =
  "binaryType bufferedAmount extensions isPaused protocol readyState url onopen onmessage onclose onerror".split(" ");
const STATE_NAMES = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"];

/** Gives this package the endpoint behind a socket; not for users of the package. */
export let endpointOf: (socket: WebSocket) => Endpoint;

/**
 * A WebSocket: a client, or what a `WebSocketServer` gives for a connection. Its interface is that of the npm package `ws` 8.
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

  readonly #endpoint: Endpoint;

  static {
    for (const [name, value] of Object.entries(READY_STATE)) {
      Object.defineProperty(WebSocket, name, { value, enumerable: true });
      Object.defineProperty(WebSocket.prototype, name, { value, enumerable: true });
    }
    showAttributes(WebSocket.prototype);
    endpointOf = (socket) => socket.#endpoint;
  }

  /**
   * Connects to `address`. Null instead makes the socket of a server, which is the server's to connect.
   *
   * @throws SyntaxError for an invalid URL or subprotocol; RangeError for a protocol version other than 8 and 13.
   */
  constructor(address: string | URL | null, options?: ClientOptions);
  constructor(address: string | URL | null, protocols?: string | readonly string[], options?: ClientOptions);
  constructor(
    address: string | URL | null,
    protocols?: string | readonly string[] | ClientOptions,
    options?: ClientOptions,
  ) {
    super();
    const [offered, settings] = argumentsOf(protocols, options);
    this.#endpoint = new Endpoint(this, address === null ? "server" : "client", settings);
    if (address === null) return;
    const { protocolVersion = DEFAULTS.protocolVersion } = settings;
    if (protocolVersion !== 13 && protocolVersion !== 8) {
      throw new RangeError(`Unsupported protocol version: ${protocolVersion} (supported versions: 8, 13)`);
    }
    const url = parseClientUrl(address);
    if (!areValidProtocols(offered)) throw new SyntaxError("An invalid or duplicated subprotocol was specified");
    this.#endpoint.connect(new ConnectAttempt(url, offered, settings, this.#endpoint));
  }

  get readyState(): ReadyState {
    return this.#endpoint.readyState;
  }

  /** The URL of a client, after redirections that of the last one; "" on a server. */
  get url(): string {
    return this.#endpoint.url;
  }

  /** The chosen subprotocol, or "". */
  get protocol(): string {
    return this.#endpoint.protocol;
  }

  /** The names of the extensions in use, or "". */
  get extensions(): string {
    return this.#endpoint.extensions;
  }

  /** Bytes that wait to be sent, those included that came after the end. */
  get bufferedAmount(): number {
    const { link, unsentBytes } = this.#endpoint;
    return (link?.bufferedBytes ?? 0) + unsentBytes;
  }

  get isPaused(): boolean {
    return this.#endpoint.isPaused;
  }

  /** What binary messages are given as. Default "nodebuffer". Other values than those of the type are ignored. */
  get binaryType(): BinaryType {
    return this.#endpoint.binaryType;
  }

  set binaryType(type: BinaryType) {
    if (BINARY_TYPES.has(type)) this.#endpoint.binaryType = type;
  }

  /** The stream below, under the name that programs written for `ws` know; null before the connection is open, and after its end. */
  get _socket(): Duplex | null {
    return this.#endpoint.link?.stream ?? null;
  }

  /**
   * Sends a message. A buffer must not be changed until `callback` was called. When the socket is closing or closed,
   * the message is counted in `bufferedAmount`, and the callback gets an error.
   *
   * @throws Error while connecting.
   */
  send(data: Data, callback?: WriteCallback): void;
  send(data: Data, options?: SendOptions, callback?: WriteCallback): void;
  // hot path
  send(data: Data, options?: SendOptions | WriteCallback, callback?: WriteCallback): void {
    if (typeof options === "function") return this.send(data, undefined, options);
    const link = this.#linkToSend(data, callback);
    if (link === undefined) return;
    const payload = toPayload(data);
    const isBinary = options?.binary ?? typeof payload !== "string";
    link.sendMessage(
      payload,
      isBinary ? OPCODE.binary : OPCODE.text,
      options?.compress !== false,
      options?.fin !== false,
    );
    if (callback !== undefined) link.whenWritten(callback);
  }

  /**
   * Sends a message that `frameText` or `frameBinary` has made once for many sockets of a server.
   * @throws TypeError on a client, whose frames are masked one by one; Error while connecting.
   */
  // hot path
  sendFrame(frame: Buffer, callback?: WriteCallback): void {
    if (this.#endpoint.role === "client") throw new TypeError("A client cannot send a prepared frame");
    const link = this.#linkToSend(frame, callback);
    if (link === undefined) return;
    link.sendFrame(frame);
    if (callback !== undefined) link.whenWritten(callback);
  }

  /**
   * Sends a ping of at most 125 bytes. `mask` is accepted and ignored.
   * @throws Error while connecting; RangeError for more bytes.
   */
  ping(data?: Data | WriteCallback, mask?: boolean | WriteCallback, callback?: WriteCallback): void {
    if (typeof data === "function") return this.ping(undefined, undefined, data);
    if (typeof mask === "function") return this.ping(data, undefined, mask);
    const link = this.#linkToSend(data, callback);
    if (link === undefined) return;
    link.ping(toControlData(data));
    if (callback !== undefined) link.whenWritten(callback);
  }

  /** Like `ping`, with an unsolicited pong. */
  pong(data?: Data | WriteCallback, mask?: boolean | WriteCallback, callback?: WriteCallback): void {
    if (typeof data === "function") return this.pong(undefined, undefined, data);
    if (typeof mask === "function") return this.pong(data, undefined, mask);
    const link = this.#linkToSend(data, callback);
    if (link === undefined) return;
    link.pong(toControlData(data));
    if (callback !== undefined) link.whenWritten(callback);
  }

  /**
   * Begins the closing handshake, or gives the attempt to connect up. The stream is destroyed when the peer has not
   * answered after `closeTimeout`.
   *
   * @throws TypeError for a code that must not be sent; RangeError for a reason of more than 123 bytes.
   */
  close(code?: number, reason: string | Buffer = ""): void {
    if (code !== undefined && !(typeof code === "number" && isValidCloseCode(code))) {
      throw new TypeError("First argument must be a valid error code number");
    }
    if (Buffer.byteLength(reason) > MAX_REASON) {
      throw new RangeError(`The message must not be greater than ${MAX_REASON} bytes`);
    }
    this.#endpoint.close(code, reason.toString());
  }

  /** Destroys the stream at once, or gives the attempt to connect up. */
  terminate(): void {
    this.#endpoint.terminate();
  }

  /** Holds events back, from the next message on. Without effect before `open` and after `close`. */
  pause(): void {
    this.#endpoint.pause();
  }

  resume(): void {
    this.#endpoint.resume();
  }

  /** The link, when it can send. Otherwise what was to be sent is counted, and the callback is told. */
  // hot path
  #linkToSend(data: Data | undefined, callback: WriteCallback | undefined): Endpoint["link"] {
    const endpoint = this.#endpoint;
    const { readyState } = endpoint;
    if (readyState === READY_STATE.OPEN) return endpoint.link;
    const error = new Error(`WebSocket is not open: readyState ${readyState} (${STATE_NAMES[readyState]})`);
    if (readyState === READY_STATE.CONNECTING) throw error;
    endpoint.unsentBytes += dataSize(data);
    if (callback !== undefined) process.nextTick(callback, error);
    return undefined;
  }
}

/** Makes the attributes enumerable properties of the prototype itself, as WebIDL has them. */
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
  if (protocols === undefined) return [[], options ?? {}];
  if (Array.isArray(protocols)) return [protocols as readonly string[], options ?? {}];
  if (typeof protocols === "object" && protocols !== null) return [[], protocols as ClientOptions];
  return [[protocols], options ?? {}];
}
