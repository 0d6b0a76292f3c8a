import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localCluster } from "@portage/cluster";
import { Server, type Socket } from "@portage/server";
import { afterEach, expect, test } from "vitest";
import { CLIENTS } from "../../support/clients.ts";
import { nextEvent, turn, within } from "../../support/waiting.ts";

// Two nodes with links of their own, and a balancer that sends requests to one and WebSockets to the other.

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup; cleanup = cleanups.pop()) await cleanup();
});

async function listen(http: HttpServer): Promise<number> {
  http.listen(0, "127.0.0.1");
  await nextEvent(http, "listening");
  return (http.address() as AddressInfo).port;
}

async function serve(directory: string): Promise<Server> {
  const http = createServer();
  const io = new Server(http, { cluster: localCluster({ directory }) });
  cleanups.push(() => io.close());
  await listen(http);
  return io;
}

const until = (what: string, isTrue: () => boolean): Promise<void> => {
  const wait = async (): Promise<void> => {
    while (!isTrue()) await turn();
  };
  return within(wait(), what);
};

test.each(["socket.io-client 4.8", "@portage/client"])(
  "%s upgrades at another process of localCluster()",
  async (name) => {
    const directory = mkdtempSync(join(tmpdir(), "portage-test-"));
    cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
    const [owner, front] = [await serve(directory), await serve(directory)];
    await until("the link", () => owner.cluster!.nodes().length === 2 && front.cluster!.nodes().length === 2);
    const balancer = createServer((req, res) => owner.engine.handleRequest(req, res));
    balancer.on("upgrade", (req, stream, head) => front.engine.handleUpgrade(req, stream, head));
    cleanups.push(() => balancer.close());
    const port = await listen(balancer);

    const connection = nextEvent<[Socket]>(owner, "connection");
    const client = CLIENTS[name]!(`http://127.0.0.1:${port}`);
    cleanups.push(() => client.disconnect());
    const [socket] = await connection;
    const { transport } = socket.conn as unknown as { transport: { name: string } };
    if (transport.name !== "websocket") await nextEvent(socket.conn as never, "upgrade");

    const [up, down]: [number[], number[]] = [[], []];
    socket.on("up", (n: number) => up.push(n));
    client.on("down", (n: number) => down.push(n));
    for (let n = 0; n < 500; n++) {
      client.emit("up", n, "x".repeat(n));
      socket.emit("down", n, Buffer.alloc(n));
    }
    await until("all messages", () => up.length === 500 && down.length === 500);
    const numbers = Array.from({ length: 500 }, (_, n) => n);
    expect(up).toEqual(numbers);
    expect(down).toEqual(numbers);
    const tunnels = (): unknown[] => [owner, front].map((io) => io.stats().nodes?.exchanges.tunnels);
    expect(tunnels()).toEqual([1, 1]);
    client.disconnect();
    await until("the end of the tunnel", () => tunnels().every((count) => count === 0));
  },
);
