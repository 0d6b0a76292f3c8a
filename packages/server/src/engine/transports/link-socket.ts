import type { Duplex } from "node:stream";
import { Emitter } from "../../emitter.ts";

/** What the socket of a transport does with it. */
export interface SocketOwner {
  readonly readyState: "open" | "closing" | "closed";
  readonly bufferedBytes: number;
  /** The stream below; undefined once it is closed. */
  readonly stream: Duplex | undefined;
  /** Begins the closing handshake, and ends the session. */
  closeWith(code: number, reason: string | undefined): void;
  discard(): void;
}

const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

/**
 * The WebSocket of a transport, as programs know it from engine.io: the members of `ws` that they use on it. It emits
 * `close` with the code and the reason.
 *
 * @example
 * const { remoteAddress } = socket.conn.transport.socket._socket;
 */
export class LinkSocket extends Emitter {
  readonly #owner: SocketOwner;
  readonly #stream: Duplex | undefined;

  constructor(owner: SocketOwner) {
    super();
    this.#owner = owner;
    this.#stream = owner.stream;
  }

  /** The TCP or TLS connection; kept after its end, for those who log the address. */
  get _socket(): Duplex | undefined {
    return this.#stream;
  }

  /** 1: open, 2: closing, 3: closed. */
  get readyState(): number {
    if (this.#owner.readyState === "open") return OPEN;
    return this.#owner.stream === undefined ? CLOSED : CLOSING;
  }

  /** Bytes that have not been handed to the system yet. */
  get bufferedAmount(): number {
    return this.#owner.bufferedBytes;
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
