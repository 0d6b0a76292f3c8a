import { EventEmitter } from "node:events";
import { expect, test, vi } from "vitest";
import { Server, type Socket } from "@portage/server";
import { settle } from "./peer.ts";

/** A socket as other engines have them: it talks by events. */
class ForeignSocket extends EventEmitter {
  readonly id = "foreign";
  readonly protocol = 4;
  readonly request = { headers: {}, url: "/", socket: {} };
  readonly transport = { name: "carrier pigeon", writable: true };
  readonly written: unknown[] = [];
  readyState = "open";

  write(data: unknown, options: object): void {
    this.written.push([data, options]);
  }

  close(): void {
    this.readyState = "closed";
    this.emit("close", "forced close");
  }
}

test("io.bind() accepts any engine with sockets like engine.io's", async () => {
  const io = new Server();
  const engine = Object.assign(new EventEmitter(), { close: vi.fn() });
  expect(io.bind(engine)).toBe(io);
  expect(io.engine).toBe(engine);
  const conn = new ForeignSocket();
  const seen: unknown[] = [];
  io.on("connection", (socket) => {
    expect(socket.conn).toBe(conn);
    socket.on("a", (...args) => seen.push(args));
    socket.on("error", (err) => seen.push(err.message));
    socket.on("disconnect", (...args) => seen.push([...args, socket.closeReason?.code]));
  });
  engine.emit("connection", conn);
  conn.emit("data", "0");
  await settle();
  conn.emit("data", '2["a",1]');
  io.compress(false).emit("b", Buffer.from("x"));
  conn.transport.writable = false;
  io.volatile.emit("lost");
  await settle();
  conn.emit("error", new Error("pigeon lost"));
  expect(conn.written).toEqual([
    [expect.stringMatching(/^0\{"sid"/), { compress: true }],
    ['51-["b",{"_placeholder":true,"num":0}]', { compress: false }],
    [Buffer.from("x"), { compress: false }],
  ]);
  expect(seen).toEqual([[1], "pigeon lost", ["forced close", undefined, "FOREIGN_ENGINE"]]);
  await io.close();
  expect(engine.close).toHaveBeenCalledTimes(1);
});

test("missing features of another engine are not required: a queue, and counts of limits", async () => {
  const io = new Server({ maxNamespaces: 1 });
  const engine = Object.assign(new EventEmitter(), { close: vi.fn() });
  io.bind(engine);
  const conn = new ForeignSocket();
  const connected = new Promise<Socket>((resolve) => io.once("connection", resolve));
  engine.emit("connection", conn);
  conn.emit("data", "0");
  const socket = await connected;
  conn.written.length = 0;
  socket.conflate("key").emit("a");
  io.conflate("key").emit("b");
  io.compress(false).ifSlow("drop-newest").emit("c");
  conn.emit("data", "0/other,");
  await settle();
  expect(conn.written).toEqual([
    ['2["a"]', { compress: true }],
    ['2["b"]', { compress: true }],
    ['2["c"]', { compress: false }],
    [expect.stringContaining('4/other,{"message":'), { compress: true }],
  ]);
  expect([socket.slowPolicy, socket.droppedEvents, socket.bufferedBytes]).toEqual(["keep", 0, 0]);
  expect(await socket.whenDrained()).toBe(true);
  await io.close();
});

test("a custom parser encodes and decodes everything, and may not let reserved events through", async () => {
  type Listener = (packet: object) => void;
  class Decoder {
    #listener: Listener = () => {};
    on(_event: string, listener: Listener): void {
      this.#listener = listener;
    }
    add(chunk: string): void {
      this.#listener(JSON.parse(chunk) as object);
    }
    destroy(): void {}
  }
  class Encoder {
    encode(packet: object): string[] {
      return [JSON.stringify(packet)];
    }
  }
  const io = new Server({ parser: { Encoder, Decoder } });
  expect(io.encoder).toBeInstanceOf(Encoder);
  const engine = new EventEmitter();
  io.bind(engine);
  const conn = new ForeignSocket();
  const seen: unknown[] = [];
  io.on("connection", (socket) => {
    socket.on("a", (...args) => seen.push(args));
    socket.on("disconnect", (reason) => seen.push(reason));
    socket.emit("hello", 1);
  });
  engine.emit("connection", conn);
  conn.emit("data", JSON.stringify({ type: 0, nsp: "/" }));
  await settle();
  conn.emit("data", JSON.stringify({ type: 2, nsp: "/", data: ["a", "x"] }));
  await settle();
  expect(conn.written).toHaveLength(2);
  expect(JSON.parse((conn.written[1] as [string])[0])).toMatchObject({ type: 2, nsp: "/", data: ["hello", 1] });
  conn.emit("data", JSON.stringify({ type: 2, nsp: "/", data: ["disconnect", "ha"] }));
  await settle();
  expect(seen).toEqual([["x"], "forced close"]);
});
