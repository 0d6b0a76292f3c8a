import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import * as own from "@portage/websocket";
import type { ClientOptions, ServerOptions, WebSocket, WebSocketServer } from "@portage/websocket";
import * as reference from "ws";
import { afterEach } from "vitest";
import { nextEvent } from "../support/waiting.ts";

/** Names that both packages export. */
export type WebSocketApi = Pick<typeof own, "WebSocket" | "WebSocketServer" | "createWebSocketStream">;

/** The implementations under test, each with itself as its peer. */
export const IMPLEMENTATIONS: [name: string, api: WebSocketApi][] = [
  ["@portage/websocket", own],
  ["ws", reference as unknown as WebSocketApi],
];

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** Runs `cleanup` after the test, whatever its outcome. */
export function afterwards(cleanup: () => void): void {
  cleanups.push(cleanup);
}

/** A server on a free port of the loopback interface. */
export async function startServer(api: WebSocketApi, options: ServerOptions = {}): Promise<WebSocketServer> {
  const server = new api.WebSocketServer({ port: 0, host: "127.0.0.1", ...options });
  afterwards(() => {
    for (const client of server.clients ?? []) client.terminate();
    server.close();
  });
  await nextEvent(server, "listening");
  return server;
}

/** An HTTP server on a free port. Closed with its connections after the test. */
export async function startHttp(
  onUpgrade?: (req: IncomingMessage, stream: Duplex, head: Buffer) => void,
): Promise<Server> {
  const server = createServer();
  const streams = new Set<Duplex>();
  server.on("connection", (stream: Duplex) => streams.add(stream));
  if (onUpgrade !== undefined) server.on("upgrade", onUpgrade);
  server.listen(0, "127.0.0.1");
  await nextEvent(server, "listening");
  afterwards(() => {
    server.close();
    for (const stream of streams) stream.destroy();
  });
  return server;
}

export function urlOf(server: { address(): unknown }, path = "/"): string {
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
}

/** A client, terminated after the test. Ignores errors unless the test listens. */
export function newClient(
  api: WebSocketApi,
  url: string,
  protocols: string | string[] = [],
  options: ClientOptions = {},
): WebSocket {
  const client = new api.WebSocket(url, protocols, { perMessageDeflate: false, ...options });
  client.on("error", () => undefined);
  afterwards(() => client.terminate());
  return client;
}

export interface Pair {
  readonly server: WebSocketServer;
  readonly client: WebSocket;
  /** The server's end of the client's connection. */
  readonly peer: WebSocket;
  readonly request: IncomingMessage;
}

/** A client and the server's end of its connection, both open. */
export async function openPair(
  api: WebSocketApi,
  options: { server?: ServerOptions; client?: ClientOptions; protocols?: string[] } = {},
): Promise<Pair> {
  const server = await startServer(api, options.server);
  const connection = nextEvent<[WebSocket, IncomingMessage]>(server, "connection");
  const client = newClient(api, urlOf(server), options.protocols, options.client);
  const opened = nextEvent(client, "open");
  const [peer, request] = await connection;
  peer.on("error", () => undefined);
  await opened;
  return { server, client, peer, request };
}

/** The next message of a socket. */
export async function nextMessage(socket: WebSocket): Promise<{ data: unknown; isBinary: boolean }> {
  const [data, isBinary] = await nextEvent<[unknown, boolean]>(socket, "message");
  return { data, isBinary };
}

/** Code and reason of a socket's `close`. */
export async function ending(socket: WebSocket): Promise<[code: number, reason: string]> {
  const [code, reason] = await nextEvent<[number, Buffer]>(socket, "close");
  return [code, reason.toString()];
}

/** The stream of an open socket. */
export function streamOf(socket: WebSocket): Duplex {
  return Reflect.get(socket, "_socket") as Duplex;
}

/** A text message as a string. */
export function textOf(data: unknown): string {
  return (data as Buffer).toString();
}
