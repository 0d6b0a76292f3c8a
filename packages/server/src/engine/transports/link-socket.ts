import type { Duplex } from "node:stream";
import { type LinkHandler, WebSocket, type WebSocketLink } from "@portage/websocket";
import { Emitter } from "../../base/emitter.ts";

/** What the socket of a transport does with it. */
export interface SocketOwner extends LinkHandler {
  readonly readyState: "open" | "closing" | "closed";
  readonly bufferedBytes: number;
  /** The stream below; undefined once it is closed. */
  readonly stream: Duplex | undefined;
  /** Begins the closing handshake, and ends the session. */
  closeWith(code: number, reason: string | undefined): void;
  discard(): void;
}

/** What it asks of the connection itself. A link of another library has its own WebSocket, and none of these. */
export type SocketLink = Pick<WebSocketLink, "open" | "sendText" | "sendBinary"> &
  Partial<Pick<WebSocketLink, "ping" | "pong" | "whenWritten" | "compresses" | "pause" | "resume">>;

// Private members. Symbols, not `#private`, so that proxies and `Object.create()` work.
const kSocketOwner = Symbol("socketOwner");
const kSocketLink = Symbol("socketLink");
const kSocketStream = Symbol("socketStream");
const kReadState = Symbol("readState");
const kControl = Symbol("control");
const kIsOver = Symbol("isOver");
const kWhenWritten = Symbol("whenWritten");

type SentCallback = (error?: Error) => void;
type WebSocketContent = string | number | ArrayBuffer | ArrayBufferView;

/** In the order of their numbers. */
const STATE_NAMES = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"] as const;

/** The subprotocols of the few links that have one. */
const protocols = new WeakMap<object, string>();

/** Remembers which subprotocol was agreed on. */
export function noteProtocol(link: object, protocol: string): void {
  protocols.set(link, protocol);
}

/**
 * The WebSocket of a transport, as programs know it from engine.io: the members of `ws` that they use on it. What is sent
 * by it goes past the session, as it is: the client takes it for packets of Engine.IO.
 *
 * Events: `message` (data, isBinary), `ping` and `pong` (data), and `close` (code, reason).
 *
 * @example
 * const { socket: webSocket } = socket.conn.transport as WebSocketTransport;
 * if (webSocket instanceof LinkSocket) webSocket.on("pong", () => console.log("alive"));
 */
export class LinkSocket extends Emitter {
  declare static readonly CONNECTING: 0;
  declare static readonly OPEN: 1;
  declare static readonly CLOSING: 2;
  declare static readonly CLOSED: 3;
  declare readonly CONNECTING: 0;
  declare readonly OPEN: 1;
  declare readonly CLOSING: 2;
  declare readonly CLOSED: 3;
  private readonly [kSocketOwner]: SocketOwner;
  private readonly [kSocketLink]: SocketLink;
  private readonly [kSocketStream]: Duplex | undefined;
  private [kReadState]: "flowing" | "paused" = "flowing";

  constructor(owner: SocketOwner, link: SocketLink) {
    super();
    this[kSocketOwner] = owner;
    this[kSocketLink] = link;
    this[kSocketStream] = owner.stream;
  }

  /** The TCP or TLS connection; kept after its end, for those who log the address. */
  get _socket(): Duplex | undefined {
    return this[kSocketStream];
  }

  /** 1: open, 2: closing, 3: closed. */
  get readyState(): number {
    if (this[kSocketOwner].readyState === "open") return WebSocket.OPEN;
    return this[kSocketOwner].stream === undefined ? WebSocket.CLOSED : WebSocket.CLOSING;
  }

  /** Bytes that have not been handed to the system yet. */
  get bufferedAmount(): number {
    return this[kSocketOwner].bufferedBytes;
  }

  /** The subprotocol, or empty text. */
  get protocol(): string {
    return protocols.get(this[kSocketLink]) ?? "";
  }

  /** The extension that was negotiated, or empty text. */
  get extensions(): string {
    return this[kSocketLink].compresses === true ? "permessage-deflate" : "";
  }

  /** Undefined: as in `ws`, only the sockets of clients have one. */
  get url(): undefined {
    return undefined;
  }

  /** Whether incoming messages are held back. */
  get isPaused(): boolean {
    return this[kReadState] === "paused";
  }

  /** Binary messages are Buffers; for the session they stay that, whatever is asked for. */
  get binaryType(): "nodebuffer" {
    return "nodebuffer";
  }

  set binaryType(_type: unknown) {}

  /** Sends a message, `options.compress` false: as it is; `callback` hears when the system has taken it. */
  send(
    data: WebSocketContent,
    options?: { binary?: boolean; compress?: boolean } | SentCallback | null,
    callback?: SentCallback,
  ): void {
    if (typeof options === "function") return this.send(data, undefined, options);
    if (this[kIsOver](callback)) return;
    const bytes = typeof data === "object" ? bufferOf(data) : Buffer.from(String(data));
    if (options?.binary ?? typeof data === "object") this[kSocketLink].sendBinary(bytes, options?.compress);
    else this[kSocketLink].sendText(bytes.toString(), options?.compress);
    this[kWhenWritten](callback);
  }

  /** Sends a ping of at most 125 bytes. */
  ping(data?: WebSocketContent | SentCallback, mask?: boolean | SentCallback, callback?: SentCallback): void {
    this[kControl]("ping", data, mask, callback);
  }

  /** Sends a pong that was not asked for. */
  pong(data?: WebSocketContent | SentCallback, mask?: boolean | SentCallback, callback?: SentCallback): void {
    this[kControl]("pong", data, mask, callback);
  }

  private [kControl](
    kind: "ping" | "pong",
    ...given: [data?: WebSocketContent | SentCallback, mask?: boolean | SentCallback, callback?: SentCallback]
  ): void {
    const done = given.find((argument): argument is SentCallback => typeof argument === "function");
    const [data = ""] = given;
    if (this[kIsOver](done)) return;
    const content = typeof data === "function" ? "" : data;
    this[kSocketLink][kind]?.(typeof content === "object" ? bufferOf(content) : Buffer.from(String(content)));
    this[kWhenWritten](done);
  }

  private [kIsOver](callback: unknown): boolean {
    const state = this.readyState;
    if (state === WebSocket.OPEN) return false;
    if (typeof callback === "function")
      process.nextTick(callback, new Error(`WebSocket is not open: readyState ${state} (${STATE_NAMES[state]})`));
    return true;
  }

  private [kWhenWritten](callback: unknown): void {
    if (typeof callback === "function") this[kSocketLink].whenWritten?.(callback as SentCallback);
  }

  /** Holds incoming messages back. */
  pause(): void {
    this[kReadState] = "paused";
    this[kSocketLink].pause?.();
  }

  resume(): void {
    this[kReadState] = "flowing";
    this[kSocketLink].resume?.();
  }

  /** Closes the connection in an orderly way; the session ends at once. */
  close(code: number = 1000, reason?: string): void {
    this[kSocketOwner].closeWith(code, reason);
  }

  /** Cuts the connection; the session ends at once. */
  terminate(): void {
    this[kSocketOwner].discard();
  }
}

for (const name of STATE_NAMES) {
  const state = { value: WebSocket[name], enumerable: true };
  Object.defineProperty(LinkSocket, name, state);
  Object.defineProperty(LinkSocket.prototype, name, state);
}

function bufferOf(data: ArrayBuffer | ArrayBufferView): Buffer {
  return ArrayBuffer.isView(data) ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : Buffer.from(data);
}

/** Hears for the socket of a transport what the transport hears. Transports without one are asked directly. */
export function tapped(owner: SocketOwner, socket: LinkSocket): LinkHandler {
  return {
    onText: (text) => {
      owner.onText(text);
      if (socket.listenerCount("message") > 0) socket.emit("message", Buffer.from(text), false);
    },
    onBinary: (data) => {
      owner.onBinary(data);
      socket.emit("message", data, true);
    },
    onFull: () => owner.onFull?.(),
    onDrain: () => owner.onDrain(),
    onEnding: (error) => owner.onEnding?.(error),
    onClose: (close) => owner.onClose(close),
    onPing: (data) => socket.emit("ping", data),
    onPong: (data) => socket.emit("pong", data),
    ...(owner.closeTextOf && { closeTextOf: (code) => owner.closeTextOf!(code) }),
  };
}
