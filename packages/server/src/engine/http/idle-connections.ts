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

/** What connections have besides, some of them. */
type Connection = Duplex & {
  readonly alpnProtocol?: string | false | null;
  readonly bytesRead?: number;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
};

/** What became of the latest request of a connection: its response, or a number once that is over; undefined: there was none. */
type Latest = ServerResponse | number | undefined;

/** Connections without a request, and what became of the latest that each has had. */
export type IdleList = ReadonlyMap<Connection, Latest>;

interface HostServer {
  on(event: string, listener: (...args: never[]) => void): unknown;
  listeners(event: string): unknown[];
  listenerCount(event: string): number;
}

/** Events after which a connection belongs to a listener, and speaks another protocol. */
const TAKEN_BY = ["upgrade", "connect", "unknownProtocol"] as const;

const connectionsOf = new WeakMap<object, IdleConnections>();
let isSubscribed = false;

function onRequestStart(message: unknown): void {
  const { request, response, server } = message as DiagnosedExchange;
  connectionsOf.get(server)?.onRequest(request.socket, response);
}

function onResponseFinish(message: unknown): void {
  const { request, response, server } = message as DiagnosedExchange;
  // A response may be over before its request is.
  if (request.complete) connectionsOf.get(server)?.onAnswered(request.socket, response);
}

/**
 * The HTTP/1 connections of a server, to tell those apart on which a request is under way.
 *
 * Once a server is closing, Node waits for its connections to end, and its time limits for requests are over: one that has
 * not said a word (browsers open spare ones), or half of the header of a request, would keep the process alive for as long
 * as its peer likes.
 *
 * A response is kept until it is over; for connections that were upgraded nothing is. Requests are heard of by channels of
 * Node and not by a listener, because other libraries wrap the listeners of a server, and then see requests that theirs do
 * not.
 */
export class IdleConnections {
  /** The latest response of each connection. Requests that are pipelined are answered in order: all others are over. */
  readonly #latest = new Map<Connection, Latest>();
  /** How many responses are over: the numbers in {@link #latest}. */
  #answered = 0;
  /** Connections whose TLS handshake is under way, by their peers: what comes of it is another object. */
  readonly #handshakes = new Map<string, Connection>();
  readonly #server: HostServer;
  readonly #forget: (this: Connection) => void;
  readonly #leave: (req: IncomingMessage) => void;

  /** Those of a server, whoever asks: engines may share one. */
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
    // Those of TLS; one of HTTP/2 without it has nothing of HTTP/1.
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
      // One of HTTP/2 carries many requests at once, and has its own ways to end.
      if (connection.alpnProtocol !== "h2") this.#add(connection);
    });
  }

  #add(connection: Connection): void {
    this.#latest.set(connection, undefined);
    connection.on("close", this.#forget);
  }

  /** A request has come. */
  onRequest(connection: Connection, response: ServerResponse): void {
    // It may be older than the server's first engine.
    if (!this.#latest.has(connection)) this.#add(connection);
    this.#latest.set(connection, response);
  }

  /** A request and its response are over. */
  onAnswered(connection: Connection, response: ServerResponse): void {
    if (this.#latest.get(connection) === response) this.#latest.set(connection, ++this.#answered);
  }

  /** From now on connections that are upgraded are left to whoever takes them. */
  watchUpgrades(): void {
    // Not before: a listener keeps Node from answering such requests as any others.
    if (!this.#server.listeners("upgrade").includes(this.#leave)) this.#server.on("upgrade", this.#leave);
  }

  get size(): number {
    return this.#latest.size + this.#handshakes.size;
  }

  /**
   * Those on which no request is under way, TLS handshakes among them.
   *
   * @param isOurs whether a request is the engine's: when that is answered, the rest of its body is of no use to anybody
   */
  list(isOurs: (req: IncomingMessage) => boolean): IdleList {
    const idle = new Map<Connection, Latest>();
    // Where others take connections over unseen, all that is sure is that nobody took those which never said a word.
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

/** Ends the connections of a list that were on an earlier one and have had no request since. */
export function endIdle(list: IdleList, earlier: IdleList): void {
  for (const [connection, latest] of list) {
    if (earlier.has(connection) && earlier.get(connection) === latest) connection.destroy();
  }
}

/** Whether a response, and with it its request, is over: so it is where there was none. */
function isAnswered(latest: Latest, isOurs: (req: IncomingMessage) => boolean): boolean {
  if (typeof latest !== "object") return true;
  return latest.writableFinished && (latest.req.complete || isOurs(latest.req));
}

const peerOf = ({ remoteAddress, remotePort }: Connection): string => `${remoteAddress} ${remotePort}`;
