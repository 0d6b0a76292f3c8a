import { createServer, type Server as HttpServer } from "node:http";
import type { Server as HttpsServer } from "node:https";
import type { Http2SecureServer, Http2Server } from "node:http2";
import { kindOf } from "../../engine/index.ts";
import { SocketIoError } from "../report/errors.ts";

/** A server of `node:http`, `node:https` or `node:http2`. */
export type AnyHttpServer = HttpServer | HttpsServer | Http2SecureServer | Http2Server;

/**
 * Returns the HTTP server that `attach()` was given, or creates one that listens on the port and answers 404.
 *
 * @throws SocketIoError `NOT_AN_HTTP_SERVER` for any other value, such as a request handler
 */
export function toHttpServer(target: unknown): AnyHttpServer {
  if (typeof target === "function") {
    throw new SocketIoError(
      "NOT_AN_HTTP_SERVER",
      "You are trying to attach socket.io to an express request handler function. Please pass a http.Server instance.",
    );
  }
  const port = portOf(target);
  if (port === undefined) {
    if (isHttpServer(target)) return target;
    throw new SocketIoError("NOT_AN_HTTP_SERVER", `attach() takes an HTTP server or a port, not ${kindOf(target)}`);
  }
  const server = createServer((_req, res) => {
    res.writeHead(404);
    res.end();
  });
  server.listen(port);
  return server;
}

/** As in socket.io, any value that equals a number is a port, such as a string of digits. */
function portOf(target: unknown): number | undefined {
  // oxlint-disable-next-line eqeqeq -- compares a string with its number
  return typeof target !== "symbol" && Number(target) == target ? Number(target) : undefined;
}

function isHttpServer(target: unknown): target is AnyHttpServer {
  return typeof (target as AnyHttpServer | null)?.listeners === "function";
}

/** Follows the HTTP servers of a server. */
export interface HostFollower {
  /** The server is attached to an HTTP server. */
  onAttached(httpServer: AnyHttpServer): void;
  /** All of them are about to close, once their connections have ended. */
  onClosing(): void;
}

/** The HTTP servers that a server is attached to. */
export class HttpServers extends Set<AnyHttpServer> {
  readonly #followers = new Set<HostFollower>();

  /** Reports the HTTP servers of now and of later. Returns a function that ends it. */
  follow(follower: HostFollower): () => void {
    this.#followers.add(follower);
    for (const httpServer of this) follower.onAttached(httpServer);
    return () => this.#followers.delete(follower);
  }

  override add(httpServer: AnyHttpServer): this {
    super.add(httpServer);
    for (const follower of this.#followers) follower.onAttached(httpServer);
    return this;
  }

  /** Closes all. Resolves with an error for each that was not running. */
  closeAll(): Promise<(Error | undefined)[]> {
    for (const follower of this.#followers) follower.onClosing();
    return Promise.all([...this].map(closeHttpServer));
  }
}

/** Closes an HTTP server. Resolves with an error if it was not running. */
function closeHttpServer(server: AnyHttpServer): Promise<Error | undefined> {
  return new Promise((resolve) => {
    server.close((error?: Error) => resolve(error));
  });
}
