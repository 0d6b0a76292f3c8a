import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Manager } from "../../../../packages/client/src/socketio/manager.ts";
import type { Socket } from "../../../../packages/client/src/socketio/socket.ts";
import { delivered, FakeNetwork } from "./fake-network.ts";

// What a program emits while the connection has no transport.

const WINDOW = 10_000;

let network: FakeNetwork;
let manager: Manager;
let socket: Socket;
let reasons: string[];

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  network = new FakeNetwork();
  manager = new Manager("http://localhost", { transports: network.transports, randomizationFactor: 0 });
  socket = manager.socket("/");
  reasons = [];
  socket.on("disconnect", (reason) => reasons.push(reason));
  network.last.open({ carry: { key: "the-key", window: WINDOW } });
  network.last.accept();
  await delivered();
  network.last.drop({ code: 1006 });
  vi.advanceTimersByTime(0);
});

afterEach(() => {
  manager._close();
  vi.useRealTimers();
});

test("is sent when the connection is carried, in order and once", () => {
  const carried: string[][] = [];
  manager.on("carried", (...names) => carried.push(names));
  socket.emit("one");
  socket.emit("two");
  network.last.welcome(1);
  socket.emit("three");
  expect(network.last.sent).toEqual(['2["one"]', '2["two"]', '2["three"]']);
  expect([carried, reasons, socket.connected]).toEqual([[["fake", "fake"]], [], true]);
});

test("is sent over the next connection when this one ends", async () => {
  const answers: unknown[] = [];
  socket.emit("one");
  socket.emit("two", (...args: unknown[]) => answers.push(args));
  while (!reasons.length) vi.advanceTimersByTime(100);
  expect([reasons, answers]).toEqual([["transport close"], []]);
  vi.advanceTimersByTime(5000);
  network.last.open();
  network.last.accept("again");
  await delivered();
  expect(network.last.sent).toEqual(["0", '2["one"]', '20["two"]']);
  network.last.send('30["answer"]');
  await delivered();
  expect(answers).toEqual([["answer"]]);
});

test("is dropped if it is volatile", () => {
  socket.volatile.emit("position");
  network.last.welcome(1);
  expect(network.last.sent).toEqual([]);
});
