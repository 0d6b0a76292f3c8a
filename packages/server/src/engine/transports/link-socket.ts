import type { Duplex } from "node:stream";
import { type LinkHandler, WebSocket, type WebSocketLink } from "@portage/websocket";
import { Emitter } from "../../base/emitter.ts";
import { connectionBelow } from "../http/http2.ts";

/** The part of a transport that its socket uses. */
export interface SocketOwner extends LinkHandler {
  readonly readyState: "open" | "closing" | "closed";
  readonly bufferedBytes: number;
  /** The stream below; undefined after it has closed. */
  readonly stream: Duplex | undefined;
  /** Starts the closing handshake, and ends the session. */
  closeWith(code: number, reason: string | undefined): void;
  discard(): void;
}

/** The part of a link that the socket uses. Another library's link has only the required members. */
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

type WrittenCallback = (error?: Error) => void;
type WebSocketContent = string | number | ArrayBuffer | ArrayBufferView;

/** In the order of their numbers. */
const READY_STATE_NAMES = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"] as const;

/** Subprotocols of links; few links have one. */
const protocols = new WeakMap<object, string>();

/** Stores the negotiated subprotocol of a link. */
export function noteProtocol(link: object, protocol: string): void {
  protocols.set(link, protocol);
}

/**
 * The WebSocket of a transport, with the members of `ws` that programs use on it in engine.io. Messages sent through it
 * bypass the session, and the client decodes them as Engine.IO packets.
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
    this[kSocketStream] = owner.stream && connectionBelow(owner.stream);
  }

  /** The TCP or TLS connection. Still set after its end, so that programs can log the address. */
  get _socket(): Duplex | undefined {
    return this[kSocketStream];
  }

  /** 1: open, 2: closing, 3: closed. */
  get readyState(): number {
    if (this[kSocketOwner].readyState === "open") return WebSocket.OPEN;
    return this[kSocketOwner].stream === undefined ? WebSocket.CLOSED : WebSocket.CLOSING;
  }

  /** Bytes not yet handed to the system. */
  get bufferedAmount(): number {
    return this[kSocketOwner].bufferedBytes;
  }

  /** The negotiated subprotocol, or an empty string. */
  get protocol(): string {
    return protocols.get(this[kSocketLink]) ?? "";
  }

  /** The negotiated extension, or an empty string. */
  get extensions(): string {
    return this[kSocketLink].compresses === true ? "permessage-deflate" : "";
  }

  /** Always undefined on a server, as in `ws`. */
  get url(): undefined {
    return undefined;
  }

  /** Whether incoming messages are paused. */
  get isPaused(): boolean {
    return this[kReadState] === "paused";
  }

  /** Always `nodebuffer`; a new value is ignored, because the session needs Buffers. */
  get binaryType(): "nodebuffer" {
    return "nodebuffer";
  }

  set binaryType(_type: unknown) {}

  /** Sends a message, uncompressed if `options.compress` is false. Calls `callback` when the system has taken it. */
  send(
    data: WebSocketContent,
    options?: { binary?: boolean; compress?: boolean } | WrittenCallback | null,
    callback?: WrittenCallback,
  ): void {
    if (typeof options === "function") return this.send(data, undefined, options);
    if (this[kIsOver](callback)) return;
    const bytes = typeof data === "object" ? viewAsBuffer(data) : Buffer.from(String(data));
    if (options?.binary ?? typeof data === "object") this[kSocketLink].sendBinary(bytes, options?.compress);
    else this[kSocketLink].sendText(bytes.toString(), options?.compress);
    this[kWhenWritten](callback);
  }

  /** Sends a ping of at most 125 bytes. */
  ping(data?: WebSocketContent | WrittenCallback, mask?: boolean | WrittenCallback, callback?: WrittenCallback): void {
    this[kControl]("ping", data, mask, callback);
  }

  /** Sends an unsolicited pong of at most 125 bytes. */
  pong(data?: WebSocketContent | WrittenCallback, mask?: boolean | WrittenCallback, callback?: WrittenCallback): void {
    this[kControl]("pong", data, mask, callback);
  }

  private [kControl](
    kind: "ping" | "pong",
    ...given: [data?: WebSocketContent | WrittenCallback, mask?: boolean | WrittenCallback, callback?: WrittenCallback]
  ): void {
    const done = given.find((argument): argument is WrittenCallback => typeof argument === "function");
    const [data = ""] = given;
    if (this[kIsOver](done)) return;
    const content = typeof data === "function" ? "" : data;
    this[kSocketLink][kind]?.(typeof content === "object" ? viewAsBuffer(content) : Buffer.from(String(content)));
    this[kWhenWritten](done);
  }

  private [kIsOver](callback: unknown): boolean {
    const state = this.readyState;
    if (state === WebSocket.OPEN) return false;
    if (typeof callback === "function")
      process.nextTick(callback, new Error(`WebSocket is not open: readyState ${state} (${READY_STATE_NAMES[state]})`));
    return true;
  }

  private [kWhenWritten](callback: unknown): void {
    if (typeof callback === "function") this[kSocketLink].whenWritten?.(callback as WrittenCallback);
  }

  /** Pauses incoming messages until {@link resume}. */
  pause(): void {
    this[kReadState] = "paused";
    this[kSocketLink].pause?.();
  }

  resume(): void {
    this[kReadState] = "flowing";
    this[kSocketLink].resume?.();
  }

  /** Starts the closing handshake; the session ends at once. */
  close(code: number = 1000, reason?: string): void {
    this[kSocketOwner].closeWith(code, reason);
  }

  /** Cuts the connection; the session ends at once. */
  terminate(): void {
    this[kSocketOwner].discard();
  }
}

for (const name of READY_STATE_NAMES) {
  const state = { value: WebSocket[name], enumerable: true };
  Object.defineProperty(LinkSocket, name, state);
  Object.defineProperty(LinkSocket.prototype, name, state);
}

function viewAsBuffer(data: ArrayBuffer | ArrayBufferView): Buffer {
  return ArrayBuffer.isView(data) ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : Buffer.from(data);
}

/** Wraps a transport's handler so that its socket also emits messages, pings, and pongs. */
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
