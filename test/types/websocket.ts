// Compiled, never run: a TypeScript program written for `ws`, with the types of this package.
import { once } from "node:events";
import type { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import { createServer } from "node:https";
import {
  createWebSocketStream,
  WebSocket,
  WebSocketServer,
  type ClientOptions,
  type RawData,
  type ServerOptions,
} from "@portage/websocket";

class Alive extends WebSocket {
  isAlive = true;
}

export function server(): WebSocketServer {
  const options: ServerOptions = {
    server: createServer(),
    verifyClient: ({ origin, secure, req }, callback) => callback(origin === "x" && secure && req.url !== "/", 401),
    handleProtocols: (protocols, request) => (protocols.has(request.url ?? "") ? "a" : false),
    perMessageDeflate: { threshold: 1, zlibDeflateOptions: { level: 1 } },
    WebSocket: Alive,
  };
  const wss = new WebSocketServer(options, () => undefined);
  wss.on("connection", (socket, request) => {
    socket.on("message", (data, isBinary) => socket.send(data as Buffer, { binary: isBinary }));
    socket.on("close", (code, reason) => [code.toFixed(), reason.toString(), request.url]);
  });
  wss.on("connection", function (socket: WebSocket, _request: IncomingMessage, user: string) {
    this.emit("greeted", user);
    socket.once("pong", (data) => data.length);
  });
  wss.emit("connection", new WebSocket(null), {}, "user");
  wss.on("headers", (lines) => lines.push("X-A: b"));
  wss.clients?.forEach((client) => {
    if (client.readyState === WebSocket.OPEN) client.send("x");
  });
  void new WebSocketServer({ port: 0, verifyClient: (info) => info.secure });
  return wss;
}

export function client(): EventEmitter {
  const options: ClientOptions = {
    rejectUnauthorized: false,
    headers: { a: "b" },
    agent: false,
    ca: "x",
    family: 4,
    handshakeTimeout: 1,
  };
  const socket = new WebSocket(new URL("ws://x"), ["a"], options);
  void [new WebSocket("ws://x", options), new WebSocket("ws://x", "a")];
  socket.onmessage = (event) => {
    const data: RawData | string = event.data;
    event.target.send(data);
  };
  socket.onclose = null;
  socket.addEventListener("close", (event) => event.code.toFixed());
  socket.addEventListener("message", { handleEvent: (event) => void event.data }, { once: true });
  socket.send(new Uint8Array(1), (error) => error?.message);
  socket.send("a", {}, () => undefined);
  socket.pong("a", false, () => undefined);
  socket.on("unexpected-response", (request, response) => [request.destroy(), response.statusCode]);
  socket.on("own", (value: number) => value);
  createWebSocketStream(socket, { encoding: "utf8" }).pipe(process.stdout);
  void once(socket, "open");
  return socket;
}
