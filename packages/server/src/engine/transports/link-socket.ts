import type { Duplex } from "node:stream";
import type { LinkHandler, WebSocketLink } from "@portage/websocket";
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

type Done = (error?: Error) => void;
type Content = string | number | ArrayBuffer | ArrayBufferView;

const READY_STATES = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 } as const;

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
  readonly #owner: SocketOwner;
  readonly #link: SocketLink;
  readonly #stream: Duplex | undefined;

  constructor(owner: SocketOwner, link: SocketLink) {
    super();
    this.#owner = owner;
    this.#link = link;
    this.#stream = owner.stream;
  }

  /** The TCP or TLS connection; kept after its end, for those who log the address. */
  get _socket(): Duplex | undefined {
    return this.#stream;
  }

  /** 1: open, 2: closing, 3: closed. */
  get readyState(): number {
    if (this.#owner.readyState === "open") return READY_STATES.OPEN;
    return this.#owner.stream === undefined ? READY_STATES.CLOSED : READY_STATES.CLOSING;
  }

  /** Bytes that have not been handed to the system yet. */
  get bufferedAmount(): number {
    return this.#owner.bufferedBytes;
  }

  /** The subprotocol, or empty text. */
  get protocol(): string {
    return protocols.get(this.#link) ?? "";
  }

  /** The extension that was negotiated, or empty text. */
  get extensions(): string {
    return this.#link.compresses === true ? "permessage-deflate" : "";
  }

  /** Undefined: as in `ws`, only the sockets of clients have one. */
  get url(): undefined {
    return undefined;
  }

  /** Binary messages are Buffers. */
  get binaryType(): "nodebuffer" {
    return "nodebuffer";
  }

  /** Sends a message, `options.compress` false: as it is; `callback` hears when the system has taken it. */
  send(data: Content, options?: { binary?: boolean; compress?: boolean } | Done | null, callback?: Done): void {
    if (typeof options === "function") return this.send(data, undefined, options);
    if (this.#isOver(callback)) return;
    const bytes = typeof data === "object" ? bytesOf(data) : Buffer.from(String(data));
    if (options?.binary ?? typeof data === "object") this.#link.sendBinary(bytes, options?.compress);
    else this.#link.sendText(bytes.toString(), options?.compress);
    this.#whenWritten(callback);
  }

  /** Sends a ping of at most 125 bytes. */
  ping(data?: Content | Done, mask?: boolean | Done, callback?: Done): void {
    this.#control("ping", data, mask, callback);
  }

  /** Sends a pong that was not asked for. */
  pong(data?: Content | Done, mask?: boolean | Done, callback?: Done): void {
    this.#control("pong", data, mask, callback);
  }

  #control(kind: "ping" | "pong", ...given: [data?: Content | Done, mask?: boolean | Done, callback?: Done]): void {
    const done = given.find((argument): argument is Done => typeof argument === "function");
    const [data = ""] = given;
    if (this.#isOver(done)) return;
    const content = typeof data === "function" ? "" : data;
    this.#link[kind]?.(typeof content === "object" ? bytesOf(content) : Buffer.from(String(content)));
    this.#whenWritten(done);
  }

  #isOver(callback: unknown): boolean {
    const state = this.readyState;
    if (state === READY_STATES.OPEN) return false;
    const name = state === READY_STATES.CLOSING ? "CLOSING" : "CLOSED";
    if (typeof callback === "function")
      process.nextTick(callback, new Error(`WebSocket is not open: readyState ${state} (${name})`));
    return true;
  }

  #whenWritten(callback: unknown): void {
    if (typeof callback === "function") this.#link.whenWritten?.(callback as Done);
  }

  /** Holds incoming messages back. */
  pause(): void {
    this.#link.pause?.();
  }

  resume(): void {
    this.#link.resume?.();
  }

  /** Closes the connection in an orderly way; the session ends at once. */
  close(code: number = 1000, reason?: string): void {
    this.#owner.closeWith(code, reason);
  }

  /** Cuts the connection; the session ends at once. */
  terminate(): void {
    this.#owner.discard();
  }
}

for (const [name, value] of Object.entries(READY_STATES)) {
  Object.defineProperty(LinkSocket, name, { value, enumerable: true });
  Object.defineProperty(LinkSocket.prototype, name, { value, enumerable: true });
}

function bytesOf(data: ArrayBuffer | ArrayBufferView): Buffer {
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
