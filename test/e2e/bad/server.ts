import { afterAll, afterEach, beforeAll } from "vitest";
import type { Socket } from "socket.io";
import type { ServerOptions } from "socket.io";
import { Bystander } from "../../support/bystander.ts";
import { serve, type Running } from "../../support/servers/host.ts";
import { RawPolling } from "../../support/raw/polling.ts";
import { RawWebSocket } from "../../support/raw/websocket.ts";
import { subject } from "../../support/targets.ts";

/** The limit of the servers that get bad input. Bytes. */
export const LIMIT = 100_000;

/** A server that repeats everything, with two bystanders; they are asked after each test. */
export interface BadInputServer {
  readonly running: Running;
  readonly bystander: Bystander;
}

function repeat(socket: Socket): void {
  socket.on("error", () => undefined);
  socket.onAny((event: string, ...args: unknown[]) => {
    const answer = args.at(-1);
    if (typeof answer === "function") answer(...args.slice(0, -1));
    else socket.emit(event === "bystander" ? "ignored" : event, ...args);
  });
}

/** Starts such a server for the tests of a file. */
export function badInputServer(options: Partial<ServerOptions> = {}): BadInputServer {
  const parts: { running?: Running; bystander?: Bystander } = {};
  beforeAll(async () => {
    parts.running = await serve(subject, {
      maxHttpBufferSize: LIMIT,
      allowEIO3: true,
      destroyUpgradeTimeout: 50,
      ...options,
    });
    parts.running.host.http.on("request", (req, res) => {
      if (!req.url?.startsWith("/socket.io/")) res.writeHead(404).end();
    });
    parts.bystander = await Bystander.join(parts.running.io, parts.running.url);
    parts.running.io.on("connection", repeat);
  });
  afterEach(() => parts.bystander?.check());
  afterAll(async () => {
    parts.bystander?.leave();
    await parts.running?.stop();
  });
  return parts as BadInputServer;
}

/** A raw client that has joined the main namespace. */
export async function joinPolling(
  { running }: BadInputServer,
  revision: 3 | 4 = 4,
  query: Record<string, string> = revision === 3 ? { b64: "1" } : {},
): Promise<RawPolling> {
  const client = await RawPolling.open({ port: running.port, revision, query });
  if (revision === 4) await client.post("40");
  await client.until((packet) => packet.startsWith("40"));
  return client;
}

export async function joinWebSocket({ running }: BadInputServer, revision: 3 | 4 = 4): Promise<RawWebSocket> {
  const client = await RawWebSocket.connect({ port: running.port, revision });
  if (revision === 4) client.send("40");
  await client.until((packet) => packet.startsWith("40"));
  return client;
}
