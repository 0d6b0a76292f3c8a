import { execFile } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo, Server as NetServer, Socket as NetSocket } from "node:net";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Server, type Socket } from "@portage/server";
import { afterEach, describe, expect, test, vi } from "vitest";
import { frame, OPCODE } from "../../support/raw/frames.ts";
import { RawPolling } from "../../support/raw/polling.ts";
import { RawWebSocket } from "../../support/raw/websocket.ts";
import { FakeClock } from "../../unit/support/fake-clock.ts";

/** Counts behind the performance, as they are exact, unlike timings. */

/** Bytes in each call of `write` on an accepted connection, by client. */
class Writes {
  readonly sizes: number[][] = [];

  watch(stream: NetSocket): void {
    const sizes: number[] = [];
    this.sizes.push(sizes);
    const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
    stream.write = (...args: unknown[]) => {
      sizes.push(Buffer.byteLength(args[0] as string | Buffer));
      return write(...args);
    };
  }

  clear(): void {
    for (const sizes of this.sizes) sizes.length = 0;
  }
}

const closers: Array<() => Promise<void> | void> = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A server with clients on WebSockets, joined to the main namespace. */
async function joined(clientCount: number, clock = new FakeClock()) {
  const http = createServer();
  const io = new Server(http, { clock });
  const writes = new Writes();
  (http as NetServer).on("connection", (stream: NetSocket) => writes.watch(stream));
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  closers.push(() => io.close());
  const { port } = http.address() as AddressInfo;
  const sockets: Socket[] = [];
  io.on("connection", (socket) => {
    sockets.push(socket);
    socket.on("echo", (data: unknown, acknowledge: (data: unknown) => void) => acknowledge(data));
  });
  const clients: RawWebSocket[] = [];
  const join = async (): Promise<void> => {
    const client = await RawWebSocket.connect({ port });
    client.send("40");
    await client.until((packet) => packet.startsWith("40"));
    clients.push(client);
  };
  for (let index = 0; index < clientCount; index += 1) await join();
  writes.clear();
  return { io, port, clients, sockets, writes, clock, join };
}

/** Returns the size of a server's frame, by its payload in bytes. */
const frameSize = (payload: number): number => payload + (payload < 126 ? 2 : payload < 65_536 ? 4 : 10);
const until = (clients: readonly RawWebSocket[], text: string): Promise<unknown> =>
  Promise.all(clients.map((client) => client.until((packet) => packet === text)));

describe("a broadcast", () => {
  test("is encoded once, and is one write for each receiver", async () => {
    const { io, clients, writes } = await joined(5);
    const stringify = vi.spyOn(JSON, "stringify");
    io.emit("news", { id: 1 });
    await until(clients, '42["news",{"id":1}]');
    expect(stringify).toHaveBeenCalledTimes(1);
    stringify.mockRestore();
    expect(writes.sizes).toEqual(clients.map(() => [frameSize('42["news",{"id":1}]'.length)]));
  });

  test("is one packet, which all receivers share", async () => {
    const { io, clients, sockets } = await joined(5);
    io.emit("news", 1);
    const packets = new Set(sockets.flatMap(({ conn }) => conn.writeBuffer));
    expect(packets.size).toBe(1);
    await until(clients, '42["news",1]');
  });

  test("to a room does not touch other clients", async () => {
    const { io, clients, sockets, writes } = await joined(4);
    await sockets[1]!.join("room");
    io.to("room").emit("news", 1);
    await until([clients[1]!], '42["news",1]');
    expect(writes.sizes.map(({ length }) => length)).toEqual([0, 1, 0, 0]);
  });

  test("with seven more in its tick is one write still", async () => {
    const { io, clients, writes } = await joined(3);
    for (let index = 0; index < 8; index += 1) io.emit("news", index);
    await until(clients, '42["news",7]');
    expect(writes.sizes).toEqual(clients.map(() => [8 * frameSize('42["news",0]'.length)]));
  });
});

describe("the answers", () => {
  test("to the packets of one read leave in one write", async () => {
    const { clients, writes } = await joined(1);
    const ids = Array.from({ length: 16 }, (_, index) => index + 10);
    const frames = ids.map((id) => frame({ opcode: OPCODE.text, payload: `42${id}["echo","x"]` }));
    clients[0]!.sendBytes(Buffer.concat(frames));
    await until(clients, '4325["x"]');
    expect(writes.sizes).toEqual([[16 * frameSize('4310["x"]'.length)]]);
  });

  test("have no more bytes than the payload and the shortest header", async () => {
    const { clients, sockets, writes } = await joined(1);
    for (const length of [100, 117, 118, 60_000, 65_527, 65_528]) {
      writes.clear();
      const text = `42["${"x".repeat(length - 6)}"]`;
      sockets[0]!.emit("x".repeat(length - 6));
      await until(clients, text);
      expect(writes.sizes[0]!.reduce((sum, size) => sum + size, 0)).toBe(frameSize(text.length));
    }
  });
});

describe("a connection", () => {
  test("has no timer of its own", async () => {
    const { clock, join } = await joined(1);
    const before = clock.pending;
    for (let index = 0; index < 10; index += 1) await join();
    expect(clock.pending).toBe(before);
  });

  test("over long-polling neither", async () => {
    const { clock, port } = await joined(1);
    const before = clock.pending;
    for (let index = 0; index < 5; index += 1) {
      const client = await RawPolling.open({ port });
      await client.post("40");
      await client.next();
    }
    expect(clock.pending).toBe(before);
  });

  test("that is idle keeps less than 6 KiB of heap beside its socket", async () => {
    const script = fileURLToPath(new URL("counts-child.mjs", import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", script], { timeout: 20_000 });
    const { sessions, bare } = JSON.parse(stdout) as { sessions: number; bare: number };
    expect(sessions - bare).toBeGreaterThan(0);
    expect(sessions - bare).toBeLessThan(6 * 1024);
  });
});
