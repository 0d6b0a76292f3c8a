import type { IncomingMessage, ServerResponse } from "node:http";
import type { ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { nextTurn } from "../../base/turn.ts";

// What the requests and answers of Node's HTTP/2 server lack, or do in another way than those of HTTP/1.

const ignoreHttp2Error = (): void => {};

/** What a request and an answer of HTTP/2 have besides. */
interface OnStream {
  readonly stream?: ServerHttp2Stream;
}

/** The stream of a request that came by HTTP/2; undefined for HTTP/1, and for a request that was parked. */
function streamOf(req: IncomingMessage): ServerHttp2Stream | undefined {
  return req.httpVersionMajor === 2 ? (req as IncomingMessage & OnStream).stream : undefined;
}

/**
 * Lets a request of HTTP/2 be like one of HTTP/1: programs read `Host`, which is `:authority` here, and the answer must close
 * when the client resets the stream. Without an error code Node leaves one open whose answer is under way.
 */
export function adopt(req: IncomingMessage): void {
  const { headers } = req;
  headers.host ??= headers[":authority"] as string | undefined;
  const stream = streamOf(req);
  if (stream && !stream.listeners("end").includes(endIfReset)) stream.once("end", endIfReset);
}

function endIfReset(this: ServerHttp2Stream): void {
  if (this.closed && !this.writableFinished) this.destroy();
}

/**
 * The connection of a request. Node takes it away from a request of HTTP/2 once that is answered, so it is looked up before;
 * Node hands out a stand-in for the socket, whose methods return the socket itself.
 */
function connectionOf(req: IncomingMessage): Socket {
  const session = streamOf(req)?.session;
  return !session || session.destroyed ? req.socket : socketOf(session);
}

function socketOf(session: Pick<ServerHttp2Session, "socket">): Socket {
  return session.socket.off("portage", ignoreHttp2Error);
}

/** Lets a request of HTTP/2 keep its connection, as one of HTTP/1 does. */
export function keepConnection(req: IncomingMessage): void {
  if (streamOf(req)) Object.defineProperty(req, "socket", { value: connectionOf(req), configurable: true });
}

/**
 * Whether the client gave a request up before its end. A stream that was reset without an error code ends like one that is
 * whole: only this says that it is not.
 */
export function wasReset(req: IncomingMessage): boolean {
  return streamOf(req)?.aborted === true;
}

/**
 * Whether a body without a byte may be one that the client gave up before it began: Node's own client ends a stream before it
 * resets it, so that the reset comes a moment after the end.
 */
export function mayBeReset(req: IncomingMessage): boolean {
  return req.headers["content-length"] === undefined && streamOf(req) !== undefined;
}

/** Destroys a request, and with HTTP/2 its stream: that of the request alone would leave it open. */
export function destroyRequest(req: IncomingMessage): void {
  req.destroy();
  streamOf(req)?.destroy();
}

/** Whether an answer can't reach its client any more. */
export function isGone(res: ServerResponse): boolean {
  if (res.req.httpVersionMajor !== 2) return res.destroyed;
  const { stream } = res as ServerResponse & Required<OnStream>;
  return stream.destroyed || stream.closed || stream.aborted;
}

/** Whether an answer, which is over, broke off before all of it had left the process. */
export function brokeOff(res: ServerResponse): boolean {
  const stream = streamOf(res.req);
  return stream ? !stream.writableFinished : res.req.socket.errored !== null;
}

/**
 * Closes a stream once its answer has left the process, outside of any read: within the one that brought the end of the
 * request Node would try for ever to send the answer.
 */
function closeWhenAnswered(this: ServerHttp2Stream): void {
  nextTurn((stream) => stream.close(), this);
}

/**
 * Asks for the end of what carries a request after its answer, so that the rest of its body need not be read: of the
 * connection with HTTP/1 (a header), of the stream with HTTP/2 (RFC 9113, section 8.1).
 *
 * @returns to be called when the answer has been given
 */
export function hangUpAfter(res: ServerResponse, headers: Record<string, unknown>): () => void {
  const stream = streamOf(res.req);
  if (stream) return () => void stream.once("finish", closeWhenAnswered);
  headers["Connection"] = "close";
  return ignoreHttp2Error;
}

/** What is asked of an HTTP/2 server. */
interface SessionSource {
  on(event: "session", listener: (session: ServerHttp2Session) => void): unknown;
}

const isSessionSource = (server: object): server is SessionSource => "updateSettings" in server;

const sessionsOf = new WeakMap<object, Http2Sessions>();

/** The HTTP/2 connections of a server. Node's `close()` waits for them for as long as their clients like. */
export class Http2Sessions {
  readonly #open = new Map<ServerHttp2Session, OpenSession>();

  /** Returns the connections of a server: one list, as engines may share a server. */
  static of(server: object): Http2Sessions {
    let sessions = sessionsOf.get(server);
    if (!sessions) sessionsOf.set(server, (sessions = new Http2Sessions()));
    else return sessions;
    if (isSessionSource(server)) sessions.#watch(server);
    return sessions;
  }

  #watch(server: SessionSource): void {
    const open = this.#open;
    server.on("session", (session) => {
      const paths = new Map<ServerHttp2Stream, string | undefined>();
      open.set(session, { socket: socketOf(session), paths });
      session.once("close", () => open.delete(session));
      session.on("stream", (stream, headers) => {
        paths.set(stream, headers[":path"]);
        stream.once("close", () => paths.delete(stream));
      });
    });
  }

  get size(): number {
    return this.#open.size;
  }

  /**
   * Asks clients to go once their requests are answered; those that were asked before are cut off, unless others than the
   * engine have an answer under way. The TCP connection as well: a client may leave its end open for as long as it likes.
   *
   * @param isMine whether a request is the engine's
   */
  end(isMine: (req: { readonly url: string }) => boolean): void {
    for (const [session, { socket, paths }] of this.#open) {
      if (!session.closed) {
        session.close();
        continue;
      }
      const isWanted = [...paths].some(([stream, url = ""]) => !stream.writableFinished && !isMine({ url }));
      if (isWanted) continue;
      session.destroy();
      socket.destroy();
    }
  }
}

/** A connection: its socket, which the session forgets, and what its open streams ask for. */
interface OpenSession {
  readonly socket: Socket;
  readonly paths: ReadonlyMap<ServerHttp2Stream, string | undefined>;
}
