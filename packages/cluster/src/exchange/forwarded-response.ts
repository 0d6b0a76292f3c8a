/*
 * The response to a request that another node has received: what the engine and its middlewares write is collected, and sent to
 * that node.
 *
 * A real `ServerResponse`, whose head Node makes; only the methods that would write to a connection are replaced. They are
 * members of the object itself, since frameworks change prototypes of responses. What Node derives from the state of the
 * connection (`writableFinished`, `writableLength`), it derives from {@link ForwardedSocket}.
 */
import { type IncomingMessage, ServerResponse } from "node:http";
import { runNextTick } from "@portage/server/relay";
import { asSocket, type ForwardedSocket } from "./forwarded-socket.ts";
import { ResponseError } from "./response-error.ts";

/** Receives what is written to a response. */
export interface AnswerSink {
  /** Returns false if the client has to read first. */
  onWrite(bytes: Buffer): boolean;
  /** The answer is complete with these bytes. */
  onEnd(bytes: Buffer): void;
  /** The head is to be sent, though no bytes are there. */
  onFlush(): void;
}

type Chunk = string | Uint8Array | null | undefined;
type Done = (error?: Error) => void;

const SINK = Symbol("AnswerSink");
const NO_CHUNK = Buffer.alloc(0);

/** A response to another node. */
export interface ForwardedResponse extends ServerResponse {
  [SINK]: AnswerSink;
}

/** Creates the response to a forwarded request. */
export function createForwardedResponse(
  req: IncomingMessage,
  socket: ForwardedSocket,
  sink: AnswerSink,
): ForwardedResponse {
  const res = new ServerResponse(req);
  // The front has its own date and connection.
  res.sendDate = false;
  res.removeHeader("connection");
  return Object.assign(res, { socket: asSocket(socket), [SINK]: sink }, METHODS);
}

/** Returns status line and headers as Node has written them; undefined before they are. */
export const writtenHead = (res: ServerResponse): string | undefined =>
  Reflect.get(res, "_header") as string | undefined;

function bytesOfChunk(chunk: Chunk, encoding: BufferEncoding | undefined): Buffer {
  if (chunk === null || chunk === undefined) return NO_CHUNK;
  if (typeof chunk === "string") return Buffer.from(chunk, encoding);
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

const isDone = (value: unknown): value is Done => typeof value === "function";

/** Reports to the callback of a write. */
function reportWritten(done: unknown, error?: Error): void {
  if (isDone(done)) runNextTick(done, error);
}

const errorOf = ({ writableEnded }: ServerResponse): ResponseError =>
  new ResponseError(writableEnded ? "ERR_STREAM_WRITE_AFTER_END" : "ERR_STREAM_DESTROYED");

/** The methods that replace those of `ServerResponse`. */
const METHODS = {
  /** Informational answers are not answers of the session, and are not forwarded. */
  writeHead(this: ForwardedResponse, ...args: Parameters<ServerResponse["writeHead"]>): ForwardedResponse {
    if (args[0] < 200) throw new ResponseError("ERR_HTTP_INVALID_STATUS_CODE");
    const writeHead: unknown = Reflect.get(Object.getPrototypeOf(this) as ServerResponse, "writeHead");
    Reflect.apply(writeHead as ServerResponse["writeHead"], this, args);
    return this;
  },

  write(this: ForwardedResponse, chunk: Chunk, encoding?: BufferEncoding | Done, done?: Done): boolean {
    if (this.writableEnded || this.destroyed) {
      reportWritten(isDone(encoding) ? encoding : done, errorOf(this));
      return false;
    }
    if (!this.headersSent) this.writeHead(this.statusCode);
    const hasSpace = this[SINK].onWrite(bytesOfChunk(chunk, isDone(encoding) ? undefined : encoding));
    reportWritten(isDone(encoding) ? encoding : done);
    return hasSpace;
  },

  end(this: ForwardedResponse, chunk?: Chunk | Done, encoding?: BufferEncoding | Done, done?: Done): ForwardedResponse {
    const last = isDone(chunk) ? undefined : chunk;
    const bytes = bytesOfChunk(last, isDone(encoding) ? undefined : encoding);
    const listener = [chunk, encoding, done].find(isDone);
    if (this.writableEnded || this.destroyed) {
      reportWritten(listener, errorOf(this));
      return this;
    }
    if (listener) this.once("finish", listener);
    if (!this.headersSent) this.writeHead(this.statusCode);
    this.finished = true;
    this[SINK].onEnd(bytes);
    return this;
  },

  flushHeaders(this: ForwardedResponse): void {
    if (this.headersSent) return;
    this.writeHead(this.statusCode);
    this[SINK].onFlush();
  },

  // The front's server has asked the client to go on.
  writeContinue: (done?: Done): void => reportWritten(done),
  writeProcessing: (done?: Done): void => reportWritten(done),
  writeEarlyHints: (_hints: unknown, done?: Done): void => reportWritten(done),
};
