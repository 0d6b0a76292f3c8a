import { Duplex } from "node:stream";
import type { DuplexOptions } from "node:stream";
import { READY_STATE } from "./endpoint.ts";
import type { RawData } from "./options.ts";
import { endpointOf } from "./websocket.ts";
import type { WebSocket } from "./websocket.ts";

type Callback = (error?: Error | null) => void;

/**
 * A WebSocket as a Duplex stream: a message for each chunk written, a chunk for each message. In `readableObjectMode` text
 * messages are read as strings. Ending it closes the socket, destroying it terminates the socket, and it slows the peer
 * down when nobody reads.
 *
 * @example
 * const duplex = createWebSocketStream(socket, { encoding: "utf8" });
 * process.stdin.pipe(duplex).pipe(process.stdout);
 */
export function createWebSocketStream(socket: WebSocket, options?: DuplexOptions): Duplex {
  return new WebSocketStream(socket, options);
}

class WebSocketStream extends Duplex {
  readonly #socket: WebSocket;
  /** `failed`: the socket reported an error and ends by itself, after its close frame has left. */
  #ending: "none" | "failed" = "none";

  constructor(socket: WebSocket, options: DuplexOptions = {}) {
    super({ ...options, objectMode: false, writableObjectMode: false, autoDestroy: true, emitClose: true });
    this.#socket = socket;
    socket.on("message", (data, isBinary) => this.#onMessage(data, isBinary));
    socket.once("error", (error) => this.#onError(error));
    socket.once("close", () => {
      if (!this.destroyed) this.push(null);
    });
  }

  override _read(): void {
    if (this.#socket.isPaused) this.#socket.resume();
  }

  override _write(chunk: Buffer | string, _encoding: BufferEncoding, callback: Callback): void {
    this.#whenOpen(() => this.#socket.send(chunk, callback));
  }

  override _final(callback: Callback): void {
    this.#whenOpen(() => this.#close(callback));
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    const socket = this.#socket;
    if (socket.readyState === READY_STATE.CLOSED) return callback(error);
    let reason = error;
    // Terminating a socket that is still connecting is reported as its error.
    socket.once("error", (socketError) => (reason ??= socketError));
    socket.once("close", () => callback(reason));
    if (this.#ending === "none") socket.terminate();
  }

  /** When the socket never opens, its error destroys this stream. */
  #whenOpen(act: () => void): void {
    if (this.#socket.readyState === READY_STATE.CONNECTING) this.#socket.once("open", act);
    else act();
  }

  /** Closes the socket; what was sent before has left when its stream has finished. */
  #close(callback: Callback): void {
    const { stream } = endpointOf(this.#socket).link ?? {};
    if (stream === undefined || stream.writableFinished) return callback();
    stream.once("finish", () => callback());
    // A stream that fails does not finish.
    stream.once("close", () => {
      if (!stream.writableFinished) callback();
    });
    this.#socket.close();
  }

  #onMessage(data: RawData, isBinary: boolean): void {
    const chunk: unknown = !isBinary && this.readableObjectMode ? (data as Buffer).toString() : data;
    if (!this.push(chunk)) this.#socket.pause();
  }

  #onError(error: Error): void {
    if (this.destroyed) return;
    this.#ending = "failed";
    this.destroy(error);
  }
}
