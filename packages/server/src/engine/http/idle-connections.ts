import { subscribe } from "node:diagnostics_channel";
import { type IncomingMessage, Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { takesWebSocketsOnly } from "./plain-upgrade.ts";

/** The message of Node's channels `http.server.request.start` and `http.server.response.finish`. */
interface DiagnosedExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly server: object;
}

/** A connection, with members that only some kinds have. */
type Connection = Duplex & {
  readonly alpnProtocol?: string | false | null;
  readonly bytesRead?: number;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
};

/** The latest request of a connection: its response, or a number after it has finished; undefined before the first one. */
type Latest = ServerResponse | number | undefined;

/** Idle connections, each with its latest request. */
export type IdleList = ReadonlyMap<Connection, Latest>;

interface HostServer {
  on(event: string, listener: (...args: never[]) => void): unknown;
  listeners(event: string): unknown[];
  listenerCount(event: string): number;
}

/** Events that hand a connection over to a listener, for another protocol. */
const TAKEN_BY = ["upgrade", "connect", "unknownProtocol"] as const;

const connectionsOf = new WeakMap<object, IdleConnections>();
let isSubscribed = false;

function onRequestStart(message: unknown): void {
  const { request, response, server } = message as DiagnosedExchange;
  connectionsOf.get(server)?.onRequest(request.socket, response);
}

function onResponseFinish(message: unknown): void {
  const { request, response, server } = message as DiagnosedExchange;
  // A response may finish before its request.
  if (request.complete) connectionsOf.get(server)?.onAnswered(request.socket, response);
}

/**
 * The HTTP/1 connections of a server; finds the idle ones.
 *
 * A closing server waits for its connections, and Node's request timeouts no longer apply. A silent connection (browsers
 * open spare ones), or half a request header, would keep the process alive for as long as the client likes.
 *
 * Requests are observed by Node's diagnostics channels instead of a listener, because other libraries wrap a server's
 * listeners and would miss requests. Upgraded connections are not tracked.
 */
export class IdleConnections {
  /** The latest response of each connection. Pipelined requests are answered in order, so all earlier ones have finished. */
  readonly #latest = new Map<Connection, Latest>();
  /** Number of finished responses; source of the numbers in {@link #latest}. */
  #answered = 0;
  /** Connections in the TLS handshake, by peer address, because the TLS socket is another object. */
  readonly #handshakes = new Map<string, Connection>();
  readonly #server: HostServer;
  readonly #forget: (this: Connection) => void;
  readonly #leave: (req: IncomingMessage) => void;

  /** Returns the connections of a server; engines on the same server share them. */
  static of(server: HostServer): IdleConnections {
    const existing = connectionsOf.get(server);
    if (existing) return existing;
    const made = new IdleConnections(server);
    connectionsOf.set(server, made);
    if (!isSubscribed) {
      subscribe("http.server.request.start", onRequestStart);
      subscribe("http.server.response.finish", onResponseFinish);
    }
    isSubscribed = true;
    return made;
  }

  private constructor(server: HostServer) {
    const latest = this.#latest;
    this.#server = server;
    this.#forget = function forget(): void {
      latest.delete(this);
    };
    this.#leave = takesWebSocketsOnly(({ socket }: IncomingMessage) => {
      if (latest.delete(socket)) socket.off("close", this.#forget);
    });
    if (server instanceof Server) server.on("connection", (connection: Connection) => this.#add(connection));
    // A TLS server; an HTTP/2 server without TLS has no HTTP/1 connections.
    else if ("setSecureContext" in server) this.#watchHandshakes();
  }

  #watchHandshakes(): void {
    const handshakes = this.#handshakes;
    const onClose = function (this: Connection): void {
      const peer = peerOf(this);
      if (handshakes.get(peer) === this) handshakes.delete(peer);
    };
    this.#server.on("connection", (connection: Connection) => {
      handshakes.set(peerOf(connection), connection);
      connection.once("close", onClose);
    });
    this.#server.on("secureConnection", (connection: Connection) => {
      const peer = peerOf(connection);
      handshakes.get(peer)?.off("close", onClose);
      handshakes.delete(peer);
      // HTTP/2 connections carry many requests at once, and end differently (http2.ts).
      if (connection.alpnProtocol !== "h2") this.#add(connection);
    });
  }

  #add(connection: Connection): void {
    this.#latest.set(connection, undefined);
    connection.on("close", this.#forget);
  }

  /** Called when a request starts. */
  onRequest(connection: Connection, response: ServerResponse): void {
    // The connection may be older than the server's first engine.
    if (!this.#latest.has(connection)) this.#add(connection);
    this.#latest.set(connection, response);
  }

  /** Called when a request and its response have finished. */
  onAnswered(connection: Connection, response: ServerResponse): void {
    if (this.#latest.get(connection) === response) this.#latest.set(connection, ++this.#answered);
  }

  /** Stops tracking connections that this event hands to a listener. */
  watchUpgrades(event: "upgrade" | "connect"): void {
    // Only on demand, because with a listener Node no longer handles such requests as ordinary ones.
    if (!this.#server.listeners(event).includes(this.#leave)) this.#server.on(event, this.#leave);
  }

  get size(): number {
    return this.#latest.size + this.#handshakes.size;
  }

  /**
   * Lists idle connections, including TLS handshakes.
   *
   * @param isOurs whether a request is the engine's; once answered, its remaining body does not matter
   */
  list(isOurs: (req: IncomingMessage) => boolean): IdleList {
    const idle = new Map<Connection, Latest>();
    // If other listeners may take over connections unnoticed, only connections without any input are surely idle.
    const isBlind = TAKEN_BY.some((event) => this.#isTakenUnseen(event));
    for (const [connection, latest] of this.#latest) {
      const isIdle = isBlind ? latest === undefined && connection.bytesRead === 0 : isAnswered(latest, isOurs);
      if (isIdle) idle.set(connection, latest);
    }
    for (const connection of this.#handshakes.values()) idle.set(connection, undefined);
    return idle;
  }

  #isTakenUnseen(event: string): boolean {
    return this.#server.listenerCount(event) > 0 && !this.#server.listeners(event).includes(this.#leave);
  }
}

/** Destroys connections that are in both lists and have had no request in between. */
export function endIdle(list: IdleList, earlier: IdleList): void {
  for (const [connection, latest] of list) {
    if (earlier.has(connection) && earlier.get(connection) === latest) connection.destroy();
  }
}

/** Whether a request and its response have finished, or there was no request yet. */
function isAnswered(latest: Latest, isOurs: (req: IncomingMessage) => boolean): boolean {
  if (typeof latest !== "object") return true;
  return latest.writableFinished && (latest.req.complete || isOurs(latest.req));
}

const peerOf = ({ remoteAddress, remotePort }: Connection): string => `${remoteAddress} ${remotePort}`;
