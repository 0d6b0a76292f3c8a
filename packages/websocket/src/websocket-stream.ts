import { Duplex } from "node:stream";
import type { DuplexOptions } from "node:stream";
import { READY_STATE } from "./endpoint.ts";
import type { RawData } from "./options.ts";
import { endpointOf } from "./websocket.ts";
import type { WebSocket } from "./websocket.ts";

// Symbols as private keys: a stream can be wrapped by a Proxy or inherited from.
const kSocket = Symbol("socket");
const kHasFailed = Symbol("hasFailed");
const kReceive = Symbol("receive");
const kFail = Symbol("fail");

/** Options that programs cannot override, as in `ws`. */
const OWN_OPTIONS = {
  objectMode: false,
  writableObjectMode: false,
  autoDestroy: true,
  emitClose: true,
  construct: undefined,
  read: undefined,
  write: undefined,
  writev: undefined,
  final: undefined,
  destroy: undefined,
} as DuplexOptions;

type StreamCallback = (error?: Error | null) => void;

/**
 * Wraps a WebSocket as a Duplex stream: each chunk written is a message, each message is a
 * chunk to read. In `readableObjectMode`, text messages are strings. Ending the stream
 * closes the socket; destroying it terminates the socket. If the program does not read,
 * backpressure slows the peer down.
 *
 * @example
 * const duplex = createWebSocketStream(socket, { encoding: "utf8" });
 * process.stdin.pipe(duplex).pipe(process.stdout);
 */
export function createWebSocketStream(socket: WebSocket, options?: DuplexOptions): Duplex {
  return new WebSocketStream(socket, options);
}

class WebSocketStream extends Duplex {
  private readonly [kSocket]: WebSocket;
  /** The socket emitted an error. It ends by itself, after its close frame has left. */
  private [kHasFailed] = false;

  constructor(socket: WebSocket, options?: DuplexOptions) {
    super({ ...options, ...OWN_OPTIONS });
    this[kSocket] = socket;
    socket.on("message", (data, isBinary) => this[kReceive](data, isBinary));
    socket.once("error", (error) => this[kFail](error));
    socket.once("close", () => {
      if (!this.destroyed) this.push(null);
    });
  }

  override _read(): void {
    if (this[kSocket].isPaused) this[kSocket].resume();
  }

  override _write(chunk: Buffer | string, _encoding: BufferEncoding, callback: StreamCallback): void {
    whenOpen(this[kSocket], () => this[kSocket].send(chunk, callback));
  }

  override _final(callback: StreamCallback): void {
    whenOpen(this[kSocket], () => close(this[kSocket], callback));
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    const socket = this[kSocket];
    if (socket.readyState === READY_STATE.CLOSED) return callback(error);
    let reason = error;
    // Terminating a socket that is still connecting emits `error`.
    socket.once("error", (socketError) => (reason ??= socketError));
    socket.once("close", () => callback(reason));
    if (!this[kHasFailed]) socket.terminate();
  }

  private [kReceive](data: RawData, isBinary: boolean): void {
    const chunk: unknown = !isBinary && this.readableObjectMode ? (data as Buffer).toString() : data;
    if (!this.push(chunk)) this[kSocket].pause();
  }

  private [kFail](error: Error): void {
    if (this.destroyed) return;
    this[kHasFailed] = true;
    this.destroy(error);
  }
}

/** Calls `act` once the socket is open. If it never opens, its error destroys the stream. */
function whenOpen(socket: WebSocket, act: () => void): void {
  if (socket.readyState === READY_STATE.CONNECTING) socket.once("open", act);
  else act();
}

/** Closes the socket. Calls back when its stream has finished, so earlier messages have left. */
function close(socket: WebSocket, callback: StreamCallback): void {
  const { stream } = endpointOf(socket).link ?? {};
  if (stream === undefined || stream.writableFinished) return callback();
  stream.once("finish", () => callback());
  // A stream that fails does not finish.
  stream.once("close", () => {
    if (!stream.writableFinished) callback();
  });
  socket.close();
}
