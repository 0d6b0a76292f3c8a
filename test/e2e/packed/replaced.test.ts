import { io as connectClient } from "socket.io-client";
import { afterEach, expect, test } from "vitest";
import { serve } from "../../support/servers/host.ts";
import { subject } from "../../support/targets.ts";

// Packages such as socketio-wildcard and express-socket.io-session replace methods of single sockets.

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup; cleanup = cleanups.pop()) await cleanup();
});

type Packet = { id?: number; data: unknown[] };
interface Replaceable {
  onevent: (packet: Packet) => void;
  ack: (id: number) => (...args: unknown[]) => void;
  on(event: string, listener: (...args: never[]) => void): void;
}

test("a replaced `onevent` sees every event, and hands it on as often as it likes", async () => {
  const running = await serve(subject);
  cleanups.push(() => running.stop());
  const wild: unknown[][] = [];
  running.io.on("connection", (each) => {
    const socket = each as unknown as Replaceable;
    const { onevent } = socket;
    socket.onevent = (packet) => {
      onevent.call(socket, packet);
      onevent.call(socket, { ...packet, data: ["*", ...packet.data] });
    };
    socket.on("*", (...args: unknown[]) => wild.push(args.filter((value) => typeof value !== "function")));
    socket.on("ask", (value: number, answer: (value: number) => void) => answer(value + 1));
  });
  const client = connectClient(running.url, { forceNew: true });
  cleanups.push(() => client.disconnect());
  client.emit("unknown", { a: 1 });
  expect(await client.emitWithAck("ask", 1)).toBe(2);
  expect(wild).toEqual([
    ["unknown", { a: 1 }],
    ["ask", 1],
  ]);
});

test("a replaced `ack` makes the acknowledgements", async () => {
  const running = await serve(subject);
  cleanups.push(() => running.stop());
  running.io.on("connection", (each) => {
    const socket = each as unknown as Replaceable;
    const { ack } = socket;
    socket.ack = (id) => {
      const answer = ack.call(socket, id);
      return (...args) => answer("wrapped", ...args);
    };
    socket.on("ask", (answer: (value: string) => void) => answer("value"));
  });
  const client = connectClient(running.url, { forceNew: true });
  cleanups.push(() => client.disconnect());
  expect(await new Promise((resolve) => client.emit("ask", (...args: unknown[]) => resolve(args)))).toEqual([
    "wrapped",
    "value",
  ]);
});
