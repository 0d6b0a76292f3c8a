import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server as ReferenceEngine } from "engine.io";
import { Server } from "@portage/server";
import { afterEach, expect, test } from "vitest";
import { CLIENTS, WAYS, type Connect } from "../../support/clients.ts";

const connect = CLIENTS["socket.io-client 4.8"] as Connect;
const ends: Array<() => unknown> = [];
afterEach(async () => {
  while (ends.length > 0) await ends.pop()?.();
});

test.each(Object.entries(WAYS))("accepts the sockets of engine.io itself: %s", async (_way, options) => {
  const http = createServer();
  const engine = new ReferenceEngine();
  engine.attach(http, { path: "/socket.io" });
  const io = new Server().bind(engine);
  io.on("connection", (socket) => socket.on("echo", (value, answer) => answer(value)));
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  ends.push(
    () => new Promise((resolve) => http.close(resolve)),
    () => http.closeAllConnections(),
    () => io.close(),
  );
  const client = connect(`http://127.0.0.1:${(http.address() as AddressInfo).port}`, options);
  ends.push(() => client.disconnect());
  expect(await client.emitWithAck("echo", Buffer.from("b"))).toEqual(Buffer.from("b"));
});
