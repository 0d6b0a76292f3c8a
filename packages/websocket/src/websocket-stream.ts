import { Duplex } from "node:stream";
import type { DuplexOptions } from "node:stream";
import { READY_STATE } from "./endpoint.ts";
import type { RawData } from "./options.ts";
import { endpointOf } from "./websocket.ts";
import type { WebSocket } from "./websocket.ts";

// Keys of the private members: symbols, so that a stream can be wrapped by a Proxy or inherited from.
const kSocket = Symbol("socket");
const kHasFailed = Symbol("hasFailed");
const kReceive = Symbol("receive");
const kFail = Symbol("fail");

/** What the options of a stream cannot change, as in `ws`. */
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
} as unknown as DuplexOptions;

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
  private readonly [kSocket]: WebSocket;
  /** The socket reported an error: it ends by itself, after its close frame has left. */
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

  override _write(chunk: Buffer | string, _encoding: BufferEncoding, callback: Callback): void {
    whenOpen(this[kSocket], () => this[kSocket].send(chunk, callback));
  }

  override _final(callback: Callback): void {
    whenOpen(this[kSocket], () => close(this[kSocket], callback));
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    const socket = this[kSocket];
    if (socket.readyState === READY_STATE.CLOSED) return callback(error);
    let reason = error;
    // Terminating a socket that is still connecting is reported as its error.
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

/** When the socket never opens, its error destroys the stream. */
function whenOpen(socket: WebSocket, act: () => void): void {
  if (socket.readyState === READY_STATE.CONNECTING) socket.once("open", act);
  else act();
}

/** Closes the socket; what was sent before has left when its stream has finished. */
function close(socket: WebSocket, callback: Callback): void {
  const { stream } = endpointOf(socket).link ?? {};
  if (stream === undefined || stream.writableFinished) return callback();
  stream.once("finish", () => callback());
  // A stream that fails does not finish.
  stream.once("close", () => {
    if (!stream.writableFinished) callback();
  });
  socket.close();
}
