import type { LinkHandler } from "@portage/websocket";
import { type EngineLink, type ForeignOptions, type ForeignWebSocket, isViolation, TOO_LARGE } from "./engine-link.ts";

/** Options that the engine passes to another library's WebSocket server. */
interface ForwardedOptions {
  readonly perMessageDeflate: unknown;
  readonly maxHttpBufferSize: number;
  readonly handleProtocols?: unknown;
}

/** Returns the options of another library's WebSocket server, as programs may change them at run time. */
export function foreignOptions(options: ForwardedOptions): ForeignOptions {
  const { perMessageDeflate, maxHttpBufferSize: maxPayload, handleProtocols } = options;
  const deflate = perMessageDeflate === true ? {} : perMessageDeflate;
  return { perMessageDeflate: deflate, maxPayload, ...(handleProtocols ? { handleProtocols } : {}) };
}

/** A link handler that accepts errors of another library too. */
interface ForeignHandler extends Omit<LinkHandler, "onEnding"> {
  onEnding?(error: NodeJS.ErrnoException | undefined): void;
}

const OPEN = 1;
/** Above this many unsent bytes, the transport stops sending until the peer has read some. */
const HIGH_WATER_MARK = 64 * 1024;

/** Adapts another library's WebSocket to the interface of our links. */
export class ForeignLink implements EngineLink {
  readonly #websocket: ForeignWebSocket;
  #handler: ForeignHandler | undefined;
  #error: NodeJS.ErrnoException | undefined;
  #isFull = false;

  constructor(websocket: ForeignWebSocket) {
    this.#websocket = websocket;
    websocket.on("error", (error: NodeJS.ErrnoException) => this.#onError(error));
  }

  #onError(error: NodeJS.ErrnoException): void {
    this.#error = error;
    // A network error closes the connection anyway. After a violation, the peer may keep it open forever.
    if (isViolation(error)) this.#handler?.onEnding?.(error);
  }

  get foreign(): ForeignWebSocket {
    return this.#websocket;
  }

  get bufferedBytes(): number {
    return this.#websocket.bufferedAmount ?? 0;
  }

  open(handler: ForeignHandler): void {
    this.#handler = handler;
    const websocket = this.#websocket;
    websocket.on("message", (data: Buffer, isBinary: boolean | undefined) => {
      if (typeof data === "string") handler.onText(data);
      else if (isBinary === false) handler.onText(data.toString());
      else handler.onBinary(data);
    });
    websocket.on("close", (code = 1006, reason: Buffer | string = "") => {
      const error = this.#error;
      // If the peer does not answer the close frame after its too large message, the code is 1006.
      const isTooLarge = error?.code === TOO_LARGE;
      handler.onClose({
        code: isTooLarge ? 1009 : code,
        reason: String(reason),
        wasClean: code !== 1006,
        error,
      });
    });
  }

  sendText(text: string, compress = true): void {
    this.#send(text, compress);
  }

  sendBinary(data: Buffer, compress = true): void {
    this.#send(data, compress);
  }

  #send(data: string | Buffer, compress: boolean): void {
    if (this.#websocket.readyState !== OPEN) return;
    this.#websocket.send(data, { compress }, () => this.#onSent());
    if (this.#isFull || this.bufferedBytes <= HIGH_WATER_MARK) return;
    this.#isFull = true;
    this.#handler?.onFull?.();
  }

  #onSent(): void {
    if (!this.#isFull || this.bufferedBytes > HIGH_WATER_MARK) return;
    this.#isFull = false;
    this.#handler?.onDrain();
  }

  /** Never called: shared frames are for our own links only. */
  sendFrame(): void {}

  /** Does nothing, because each message is written at once. */
  cork(): void {}

  flush(): void {}

  close(code?: number, reason?: string): void {
    this.#websocket.close(code, reason);
  }

  terminate(): void {
    if (this.#websocket.terminate) this.#websocket.terminate();
    else this.#websocket.close();
  }

  pause(): void {
    this.#websocket.pause?.();
  }

  resume(): void {
    this.#websocket.resume?.();
  }
}
