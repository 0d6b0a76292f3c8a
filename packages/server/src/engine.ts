/*
 * The engine entry: the names of the npm package engine.io.
 * Knows: the public names, and how an engine gets an HTTP server.
 * Must not know: namespaces, rooms, events.
 */
import { createServer, type Server as HttpServer } from "node:http";
import * as parser from "@portage/parser/engine";
import {
  type AttachOptions,
  PollingTransport,
  Server,
  type ServerOptions,
  WebSocketTransport,
  WebTransportTransport,
} from "./engine/index.ts";

export {
  type AttachOptions,
  BaseServer,
  type ConnectionError,
  type CorsMismatch,
  type ErrorCallback,
  type CloseReason,
  type DrainOptions,
  type EngineReport,
  type LimitHit,
  Server,
  type ServerOptions,
  Session as Socket,
  type SessionClient,
  Transport,
  UsageError,
  type WebTransportSession,
} from "./engine/index.ts";

export type { HandlerFailure, HandlerKind } from "./base/handler-errors.ts";

/** The codec of packets and payloads, as engine.io has it. */
export { parser };

/** The Engine.IO revision that this package speaks. */
export const protocol = 4;

/** The transports by name. */
export const transports: {
  readonly polling: typeof PollingTransport;
  readonly websocket: typeof WebSocketTransport;
  readonly webtransport: typeof WebTransportTransport;
} = {
  polling: PollingTransport,
  websocket: WebSocketTransport,
  webtransport: WebTransportTransport,
};

/** Creates an engine and attaches it to an HTTP server. */
export function attach(server: HttpServer, options?: ServerOptions & AttachOptions): Server {
  return new Server(options).attach(server, options);
}

/**
 * Creates an HTTP server with an engine and starts to listen. Other requests are answered with 501.
 *
 * @example
 * const engine = listen(3000);
 * engine.on("connection", (session) => session.send("hello"));
 */
export function listen(port: number, options?: ServerOptions & AttachOptions, onListening?: () => void): Server {
  const server = createServer((_req, res) => {
    res.writeHead(501);
    res.end("Not Implemented");
  });
  const engine = attach(server, options);
  server.listen(port, onListening);
  return engine;
}
