import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { Server, type ServerOptions } from "@portage/server";
import { afterEach } from "vitest";
import { EventReader } from "../../support/peers/event-source.ts";
import { Host } from "../../support/servers/host.ts";

/** A server that plain pages may read, at `/socket.io/`. */
export interface Station {
  readonly io: Server;
  readonly port: number;
  readonly read: (query?: string, headers?: Record<string, string>) => EventReader;
}

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup; cleanup = cleanups.pop()) await cleanup();
});

/** Runs when the test has ended, the last one first. */
export function atEnd(cleanup: () => unknown): void {
  cleanups.push(cleanup);
}

export function readAt(port: number, path: string, headers: Record<string, string> = {}): EventReader {
  const reader = new EventReader({ port, path, headers });
  atEnd(() => reader.cut());
  return reader;
}

/** Reads what a handler of `eventSource()` sends. */
export async function readFrom(handler: RequestListener): Promise<EventReader> {
  const http = createServer(handler);
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  atEnd(() => http.close());
  return readAt((http.address() as AddressInfo).port, "/");
}

export async function station(options: Partial<ServerOptions> = {}): Promise<Station> {
  const host = new Host();
  const io = new Server(host.http, { transports: ["polling", "websocket", "sse"], serveClient: false, ...options });
  await host.listen();
  atEnd(async () => {
    host.http.closeAllConnections();
    await io.close();
  });
  const read = (query = "", headers: Record<string, string> = {}): EventReader =>
    readAt(host.port, `/socket.io/?transport=sse${query}`, headers);
  return { io, port: host.port, read };
}
