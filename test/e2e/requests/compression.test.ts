import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { WebSocket } from "@portage/websocket";
import { Server } from "@portage/server";
import { io as connect, type Socket } from "socket.io-client";

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function serve(perMessageDeflate: boolean | object): Promise<{ io: Server; port: number }> {
  const httpServer = createServer();
  const io = new Server(httpServer, { perMessageDeflate, serveClient: false });
  servers.push(io);
  httpServer.listen(0, "127.0.0.1");
  await once(httpServer, "listening");
  return { io, port: (httpServer.address() as AddressInfo).port };
}

const long = "the same words again and again, ".repeat(500);

test("messages travel compressed both ways, where both sides want it", async () => {
  const { io, port } = await serve({ threshold: 100 });
  io.on("connection", (socket) => socket.on("echo", (data, done) => done(data)));
  const client: Socket = connect(`http://127.0.0.1:${port}`, {
    transports: ["websocket"],
    perMessageDeflate: { threshold: 100 },
    forceNew: true,
  });
  expect(await client.emitWithAck("echo", long)).toBe(long);
  expect(await client.emitWithAck("echo", Buffer.from(long))).toEqual(Buffer.from(long));
  const news = new Promise((resolve) => client.once("news", resolve));
  io.emit("news", long);
  expect(await news).toBe(long);
  client.disconnect();
});

test("a broadcast reaches those who compress and those who do not", async () => {
  const { io, port } = await serve({ threshold: 100 });
  const url = `ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`;
  const received: Array<Promise<unknown>> = [];
  for (const perMessageDeflate of [true, false]) {
    const client = new WebSocket(url, { perMessageDeflate });
    await once(client, "open");
    expect(client.extensions).toBe(perMessageDeflate ? "permessage-deflate" : "");
    const isNews = new Promise<unknown>((resolve) => {
      client.on("message", (data: Buffer) => data.toString().startsWith("42") && resolve(data.toString()));
    });
    const joined = once(io, "connection");
    client.send("40");
    await joined;
    received.push(isNews);
  }
  io.emit("news", long);
  expect(await Promise.all(received)).toEqual(Array.from({ length: 2 }, () => `42${JSON.stringify(["news", long])}`));
});

test("a window that zlib can't have is refused at once", () => {
  expect(() => new Server(createServer(), { perMessageDeflate: { serverMaxWindowBits: 7 } })).toThrow(RangeError);
});
