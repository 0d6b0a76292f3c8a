import type { IncomingMessage, ServerResponse } from "node:http";
import type { ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { nextTurn } from "../../base/turn.ts";

// Evens out the differences between Node's HTTP/2 and HTTP/1 servers.

const ignoreHttp2Error = (): void => {};

/** Additional members of HTTP/2 requests and responses. */
interface OnStream {
  readonly stream?: ServerHttp2Stream;
}

/** Returns the stream of an HTTP/2 request; undefined for HTTP/1, and for a parked request. */
function streamOf(req: IncomingMessage): ServerHttp2Stream | undefined {
  return req.httpVersionMajor === 2 ? (req as IncomingMessage & OnStream).stream : undefined;
}

/**
 * Adapts an HTTP/2 request to HTTP/1: sets `Host` from `:authority`, and closes the response if the client resets the
 * stream. After a reset without an error code, Node would leave an unfinished response open.
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
 * Returns the connection of a request. Call it before the response ends, because Node then detaches HTTP/2 requests. Node
 * exposes a proxy of the socket only, but the methods of the proxy return the socket itself.
 */
function connectionOf(req: IncomingMessage): Socket {
  const session = streamOf(req)?.session;
  return !session || session.destroyed ? req.socket : socketOf(session);
}

function socketOf(session: Pick<ServerHttp2Session, "socket">): Socket {
  return session.socket.off("portage", ignoreHttp2Error);
}

/** Returns the connection that carries a WebSocket: the stream itself, or the socket below a stream of HTTP/2. */
export function connectionBelow(stream: Duplex): Duplex {
  const { session } = stream as Duplex & Partial<Pick<ServerHttp2Stream, "session">>;
  return !session || session.destroyed ? stream : socketOf(session);
}

/** Makes `req.socket` of an HTTP/2 request outlive its response, as in HTTP/1. */
export function keepConnection(req: IncomingMessage): void {
  if (streamOf(req)) Object.defineProperty(req, "socket", { value: connectionOf(req), configurable: true });
}

/**
 * Whether the client aborted the request. A stream that is reset without an error code ends like a complete one, except for
 * this flag.
 */
export function wasReset(req: IncomingMessage): boolean {
  return streamOf(req)?.aborted === true;
}

/**
 * Whether an empty body may turn out to be aborted. Node's own client ends a stream before it resets it, so the reset
 * follows the end.
 */
export function mayBeReset(req: IncomingMessage): boolean {
  return req.headers["content-length"] === undefined && streamOf(req) !== undefined;
}

/** Destroys a request and its HTTP/2 stream, which would otherwise stay open. */
export function destroyRequest(req: IncomingMessage): void {
  req.destroy();
  streamOf(req)?.destroy();
}

/** Whether a response can no longer reach its client. */
export function isGone(res: ServerResponse): boolean {
  // Node destroys the response one turn after its connection.
  if (res.req.httpVersionMajor !== 2) return res.destroyed || res.req.socket.destroyed;
  const { stream } = res as ServerResponse & Required<OnStream>;
  return stream.destroyed || stream.closed || stream.aborted;
}

/** Returns what fills up while the client does not read a response: its stream, as responses of HTTP/2 do not report that. */
export function backlogOf(res: ServerResponse): Duplex | ServerResponse {
  return streamOf(res.req) ?? res;
}

/** Whether the connection broke before the whole response left the process. Call it after the response has closed. */
export function brokeOff(res: ServerResponse): boolean {
  const stream = streamOf(res.req);
  return stream ? !stream.writableFinished : res.req.socket.errored !== null;
}

/**
 * Closes a stream in the next turn, after its response has left the process. Closed during the read that ended the request,
 * Node would try forever to send the response.
 */
function closeWhenAnswered(this: ServerHttp2Stream): void {
  nextTurn((stream) => stream.close(), this);
}

/**
 * Asks the client of an HTTP/2 request for a new connection (GOAWAY), once all requests on this one are answered: a balancer
 * may pass that on to another process.
 */
export function askForNewConnection(req: IncomingMessage): void {
  const session = streamOf(req)?.session;
  if (session && !session.closed) nextTurn((session) => session.close(), session);
}

/**
 * Ends the connection (HTTP/1, by a header) or the stream (HTTP/2; RFC 9113, section 8.1) after the response, so that the
 * rest of the request's body need not be read.
 *
 * @returns a function to call after the response was written
 */
export function hangUpAfter(res: ServerResponse, headers: Record<string, unknown>): () => void {
  const stream = streamOf(res.req);
  if (stream) return () => void stream.once("finish", closeWhenAnswered);
  headers["Connection"] = "close";
  return ignoreHttp2Error;
}

/** The part of an HTTP/2 server that is used here. */
interface SessionSource {
  on(event: "session", listener: (session: ServerHttp2Session) => void): unknown;
}

/** Whether a server speaks HTTP/2, perhaps beside HTTP/1. */
export const isHttp2 = (server: object): server is SessionSource => "updateSettings" in server;

const sessionsOf = new WeakMap<object, Http2Sessions>();

/** The HTTP/2 connections of a server. Node's `close()` waits for them without a timeout. */
export class Http2Sessions {
  readonly #open = new Map<ServerHttp2Session, OpenSession>();

  /** Returns the connections of a server; engines on the same server share them. */
  static of(server: object): Http2Sessions {
    let sessions = sessionsOf.get(server);
    if (!sessions) sessionsOf.set(server, (sessions = new Http2Sessions()));
    else return sessions;
    if (isHttp2(server)) sessions.#watch(server);
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
   * Asks clients to leave after their responses. Cuts connections that were asked before, including TCP, unless one has an
   * unfinished response that is not the engine's.
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

/** A connection: its socket, which the HTTP/2 session forgets, and the paths of its open streams. */
interface OpenSession {
  readonly socket: Socket;
  readonly paths: ReadonlyMap<ServerHttp2Stream, string | undefined>;
}
