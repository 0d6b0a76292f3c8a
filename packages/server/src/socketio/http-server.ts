import { createServer, type Server as HttpServer } from "node:http";
import type { Server as HttpsServer } from "node:https";
import type { Http2SecureServer, Http2Server } from "node:http2";
import { SocketIoError } from "./errors.ts";

/** What a server can be attached to. */
export type AnyHttpServer = HttpServer | HttpsServer | Http2SecureServer | Http2Server;

/**
 * Turns what `attach()` takes into an HTTP server: a port becomes a server that answers 404.
 *
 * @throws SocketIoError for a request handler
 */
export function toHttpServer(target: AnyHttpServer | number | string): AnyHttpServer {
  if (typeof target === "function") {
    throw new SocketIoError(
      "NOT_AN_HTTP_SERVER",
      "You are trying to attach socket.io to an express request handler function. Please pass a http.Server instance.",
    );
  }
  if (typeof target === "object") return target;
  const server = createServer((_req, res) => {
    res.writeHead(404);
    res.end();
  });
  server.listen(Number(target));
  return server;
}
