import type { Server } from "@portage/server";
import { describe, expect, test, vi } from "vitest";
import { Bench, type Peer } from "./peer.ts";

const RECOVERY = { connectionStateRecovery: {} };

interface Answer {
  readonly sid: string;
  readonly pid: string;
}

/** Joins the main namespace with a client's data. */
async function join(peer: Peer, auth?: object): Promise<{ answer: Answer; before: unknown[] }> {
  await peer.say(`0${auth === undefined ? "" : JSON.stringify(auth)}`);
  const heard = await peer.hear();
  const answer = String(heard.at(-1));
  expect(answer).toMatch(/^0\{/);
  return { answer: JSON.parse(answer.slice(1)) as Answer, before: heard.slice(0, -1).map(event) };
}

/** The arguments of an event on the wire, without the offset. */
const event = (message: unknown): unknown => (JSON.parse(String(message).slice(1)) as unknown[]).slice(0, -1);
const offsetOf = (message: unknown): string => (JSON.parse(String(message).slice(1)) as string[]).at(-1) ?? "";

const only = (io: Server) => {
  const [socket, ...others] = io.sockets.sockets.values();
  expect(others).toEqual([]);
  if (socket === undefined) throw new Error("nobody is connected");
  return socket;
};

describe("a client that was lost", () => {
  test("gets its missed events, in order and once, before the answer", async () => {
    const bench = new Bench(RECOVERY);
    const first = bench.peer();
    const { answer } = await join(first);
    const socket = only(bench.io);
    await socket.join("room");
    socket.data = { user: 1 };
    socket.emit("seen");
    const [seen] = await first.hear();
    first.transport.lose();
    bench.io.emit("one");
    bench.io.to("room").emit("two", Buffer.from("b"));
    socket.emit("three");
    const second = bench.peer();
    await second.say(`0${JSON.stringify({ pid: answer.pid, offset: offsetOf(seen) })}`);
    const heard = await second.hear();
    expect(heard.map((message) => String(message).replace(/"[\w-]{5,6}"\]$/, '"offset"]'))).toEqual([
      '2["one","offset"]',
      '51-["two",{"_placeholder":true,"num":0},"offset"]',
      "b",
      '2["three","offset"]',
      `0${JSON.stringify(answer)}`,
    ]);
    const back = only(bench.io);
    expect(back).toMatchObject({ id: answer.sid, recovered: true, recoveryError: undefined, data: { user: 1 } });
    expect(back.rooms).toEqual(new Set([answer.sid, "room"]));
  });

  test("comes back without having got any event", async () => {
    const bench = new Bench(RECOVERY);
    const first = bench.peer();
    const { answer } = await join(first);
    first.transport.lose();
    bench.io.emit("one");
    expect(await join(bench.peer(), { pid: answer.pid })).toEqual({ answer, before: [["one"]] });
  });

  test("comes back although the server has not detected its loss", async () => {
    const bench = new Bench(RECOVERY);
    const first = bench.peer();
    const { answer } = await join(first);
    const old = only(bench.io);
    const ends: unknown[] = [];
    old.on("disconnect", (reason, description) => ends.push([reason, (description as { code?: string }).code]));
    old.data = "kept";
    bench.io.emit("lost in the air");
    const second = bench.peer();
    expect(await join(second, { pid: answer.pid })).toEqual({ answer, before: [["lost in the air"]] });
    expect(ends).toEqual([["transport close", "SESSION_RESUMED"]]);
    expect(first.isConnected).toBe(false);
    expect(only(bench.io)).toMatchObject({ recovered: true, data: "kept" });
  });

  test("brings its other namespaces back as well", async () => {
    const bench = new Bench(RECOVERY);
    bench.io.of("/a");
    const first = bench.peer();
    await first.say("0", "0/a,");
    const heard = (await first.hear()).map(String);
    const pids = heard.map((answer) => (JSON.parse(answer.slice(answer.indexOf("{"))) as Answer).pid);
    const second = bench.peer();
    await second.say(`0{"pid":"${pids[0]}"}`, `0/a,{"pid":"${pids[1]}"}`);
    expect(new Set(await second.hear())).toEqual(new Set(heard));
    for (const name of ["/", "/a"]) {
      expect([...bench.io.of(name).sockets.values()].map(({ recovered }) => recovered)).toEqual([true]);
    }
  });

  test("skips middlewares, unless configured otherwise", async () => {
    for (const skipMiddlewares of [true, false]) {
      const bench = new Bench({ connectionStateRecovery: { skipMiddlewares } });
      const seen = vi.fn();
      bench.io.use((socket, next) => {
        seen(socket.recovered);
        next();
      });
      const first = bench.peer();
      const { answer } = await join(first);
      first.transport.lose();
      await join(bench.peer(), { pid: answer.pid });
      expect(seen.mock.calls).toEqual(skipMiddlewares ? [[false]] : [[false], [true]]);
    }
  });

  test("misses nothing while a middleware thinks, and keeps its session when that refuses", async () => {
    const bench = new Bench({ connectionStateRecovery: { skipMiddlewares: false } });
    let decide: (err?: Error) => void = () => {};
    bench.io.use((socket, next) => (socket.recovered ? (decide = next) : next()));
    const first = bench.peer();
    const { answer } = await join(first);
    first.transport.lose();
    const refused = bench.peer();
    await refused.say(`0{"pid":"${answer.pid}"}`);
    bench.io.emit("one");
    decide(new Error("not now"));
    expect(await refused.hear()).toEqual(['4{"message":"not now"}']);
    const gone = bench.peer();
    await gone.say(`0{"pid":"${answer.pid}"}`);
    gone.transport.lose();
    const third = bench.peer();
    await third.say(`0{"pid":"${answer.pid}"}`);
    bench.io.emit("two");
    decide();
    const heard = await third.hear();
    expect(heard.slice(0, -1).map(event)).toEqual([["one"], ["two"]]);
    expect(heard.at(-1)).toBe(`0${JSON.stringify(answer)}`);
  });

  test("is taken over from an attempt that is still with the middlewares", async () => {
    const bench = new Bench({ connectionStateRecovery: { skipMiddlewares: false } });
    const waiting: Array<() => void> = [];
    bench.io.use((socket, next) => (socket.recovered ? void waiting.push(next) : next()));
    const first = bench.peer();
    const { answer } = await join(first);
    const second = bench.peer();
    await second.say(`0{"pid":"${answer.pid}"}`);
    const third = bench.peer();
    await third.say(`0{"pid":"${answer.pid}"}`);
    expect([first, second, third].map(({ isConnected }) => isConnected)).toEqual([false, false, true]);
    for (const next of waiting) next();
    expect(await third.hear()).toEqual([`0${JSON.stringify(answer)}`]);
    expect(only(bench.io).recovered).toBe(true);
  });

  test("an exception of a listener still is an exception of the program", async () => {
    const bench = new Bench(RECOVERY);
    const first = bench.peer();
    const { answer } = await join(first);
    first.transport.lose();
    bench.io.on("connection", () => {
      throw new Error("oops");
    });
    const before = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    const caught = new Promise((resolve) => process.once("uncaughtException", resolve));
    await bench.peer().say(`0{"pid":"${answer.pid}"}`);
    await expect(caught).resolves.toMatchObject({ message: "oops" });
    for (const listener of before) process.on("uncaughtException", listener);
  });
});

describe("a failed recovery has a reason", () => {
  const cases: Array<[string, object, string]> = [
    ["unknown", { pid: "never", offset: "x" }, "RECOVERY_SESSION_UNKNOWN"],
    ["no text", { pid: 1, offset: "x" }, "RECOVERY_MALFORMED"],
    ["no offset", { pid: "p", offset: {} }, "RECOVERY_MALFORMED"],
  ];
  test.each(cases)("%s", async (_what, auth, code) => {
    const bench = new Bench(RECOVERY);
    const { answer } = await join(bench.peer(), auth);
    expect(answer.pid).not.toBe("never");
    expect(only(bench.io)).toMatchObject({ recovered: false, recoveryError: { code } });
  });

  test("the option is off", async () => {
    const bench = new Bench();
    const { answer } = await join(bench.peer(), { pid: "p", offset: "o" });
    expect(answer).not.toHaveProperty("pid");
    expect(only(bench.io).recoveryError).toMatchObject({ code: "RECOVERY_OFF" });
  });

  test("too late, although the clock of the wall stood still", async () => {
    const bench = new Bench({ connectionStateRecovery: { maxDisconnectionDuration: 1000 } });
    const first = bench.peer();
    const { answer } = await join(first);
    first.transport.lose();
    bench.clock.advance(1001);
    await join(bench.peer(), { pid: answer.pid });
    expect(only(bench.io).recoveryError).toMatchObject({ code: "RECOVERY_SESSION_UNKNOWN" });
  });

  test("the client, or the server, has ended it for good", async () => {
    const bench = new Bench(RECOVERY);
    const peer = bench.peer();
    const { answer } = await join(peer);
    await peer.say("1");
    await peer.say(`0{"pid":"${answer.pid}"}`);
    expect(only(bench.io)).toMatchObject({ recovered: false, recoveryError: { code: "RECOVERY_SESSION_UNKNOWN" } });
  });

  test("a new client has no reason", async () => {
    const bench = new Bench(RECOVERY);
    await join(bench.peer());
    expect(only(bench.io)).toMatchObject({ recovered: false, recoveryError: undefined });
  });
});

describe("offsets", () => {
  test("reach neither clients of Socket.IO 2 nor outgoing listeners", async () => {
    const bench = new Bench(RECOVERY);
    const old = bench.peer({ protocol: 3 });
    expect(await old.hear()).toEqual(["0"]);
    const outgoing: unknown[] = [];
    const young = await bench.join();
    young.socket.onAnyOutgoing((...args) => outgoing.push(args));
    bench.io.emit("x", 1);
    for (const socket of bench.io.sockets.sockets.values()) socket.emit("y");
    expect(await old.hear()).toEqual(['2["x",1]', '2["y"]']);
    expect((await young.peer.hear()).map(event)).toEqual([["x", 1], ["y"]]);
    expect(outgoing).toEqual([["x", 1], ["y"]]);
  });

  test("are added once for each namespace of a pattern", async () => {
    const bench = new Bench(RECOVERY);
    const parent = bench.io.of(/^\/dyn/);
    const [a, b] = [await bench.join("/dyn1"), await bench.join("/dyn2")];
    parent.emit("x");
    for (const { peer } of [a, b]) {
      expect(await peer.hear()).toEqual([expect.stringMatching(/^2\/dyn\d,\["x","[\w-]+"\]$/)]);
    }
  });

  test("are not added to events of a middleware, which are not stored either", async () => {
    const bench = new Bench(RECOVERY);
    bench.io.use((socket, next) => {
      socket.emit("from the middleware");
      next();
    });
    const peer = bench.peer();
    await peer.say("0");
    const [early] = await peer.hear();
    expect(early).toBe('2["from the middleware"]');
  });
});
