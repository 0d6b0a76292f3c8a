import { describe, expect, test, vi } from "vitest";
import type { Namespace, Socket } from "@portage/server";
import { Bench, settle } from "./peer.ts";

const names = ({ io }: Bench): string[] => [...io._nsps.keys()];

describe("static namespaces", () => {
  test("are made once, with a slash in front", () => {
    const { io } = new Bench();
    expect(io.of("")).toBe(io.sockets);
    expect(io.of("/")).toBe(io.sockets);
    expect(io.of("a")).toBe(io.of("/a"));
    expect(io.of("/a").name).toBe("/a");
    expect(io.of("/a").server).toBe(io);
  });

  test("are announced, the main one excepted", () => {
    const { io } = new Bench();
    const announced: string[] = [];
    io.on("new_namespace", (nsp) => announced.push(nsp.name));
    io.of("/");
    io.of("/a");
    io.of("/a");
    expect(announced).toEqual(["/a"]);
  });

  test("take a listener for connect", async () => {
    const bench = new Bench();
    const listener = vi.fn();
    bench.io.of("/a", listener);
    const { socket } = await bench.join("/a");
    expect(listener).toHaveBeenCalledWith(socket);
  });

  test("don't mix: rooms and broadcasts stay inside", async () => {
    const bench = new Bench();
    bench.io.of("/a");
    const main = await bench.join("/");
    const other = await bench.join("/a");
    await main.socket.join("room");
    await other.socket.join("room");
    bench.io.of("/a").to("room").emit("x");
    expect(await main.peer.hear()).toEqual([]);
    expect(await other.peer.hear()).toEqual(['2/a,["x"]']);
  });
});

describe("namespaces by pattern", () => {
  test("have an adapter with all members, and warn of unsupported calls", async () => {
    const { io } = new Bench();
    const parent = io.of(/^\/shop-\d+$/);
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    expect(parent.serverSideEmit("x")).toBe(true);
    expect(warn).toHaveBeenCalledWith("this adapter does not support the serverSideEmit() functionality");
    warn.mockRestore();
    const { adapter } = parent;
    const names = (from: object): string[] => Object.getOwnPropertyNames(Object.getPrototypeOf(from));
    for (const name of names(io.of("/").adapter)) expect(name in adapter).toBe(true);
    expect([adapter.nsp, adapter.rooms.size, adapter.sids.size]).toEqual([parent, 0, 0]);
    expect(await adapter.fetchSockets({ rooms: new Set() })).toEqual([]);
  });

  test("are made when a client asks, with the parent's middlewares and listeners", async () => {
    const bench = new Bench();
    const seen: string[] = [];
    const parent = bench.io.of(/^\/shop-\d+$/g);
    parent.use((socket, next) => {
      seen.push(`use ${socket.nsp.name}`);
      next();
    });
    parent.on("connect", (socket) => seen.push(`connect ${socket.nsp.name}`));
    parent.on("connection", (socket) => seen.push(`connection ${socket.nsp.name}`));
    await bench.join("/shop-1");
    await bench.join("/shop-2");
    expect(seen).toEqual([
      "use /shop-1",
      "connect /shop-1",
      "connection /shop-1",
      "use /shop-2",
      "connect /shop-2",
      "connection /shop-2",
    ]);
    expect(names(bench)).toEqual(["/", "/shop-1", "/shop-2"]);
  });

  test("may depend on the credentials, and on time", async () => {
    const bench = new Bench();
    bench.io.of((name, auth, next) => void setImmediate(() => next(null, name === "/a" && auth["token"] === 1)));
    bench.io
      .of((_name, auth, next) => next(null, auth["token"] === 2))
      .on("connection", (socket) => socket.emit("second"));
    const peer = bench.peer();
    await peer.say('0/a,{"token":3}', '0/b,{"token":1}', '0/c,{"token":2}');
    await settle();
    const heard = await peer.hear();
    expect(heard).toEqual([
      '4/a,{"message":"Invalid namespace"}',
      '4/b,{"message":"Invalid namespace"}',
      expect.stringMatching(/^0\/c,/),
      '2/c,["second"]',
    ]);
  });

  test.each([
    [
      "throws",
      () => {
        throw new Error("oops");
      },
    ],
    [
      "rejects",
      async () => {
        throw new Error("oops");
      },
    ],
    [
      "answers with an error",
      (_n: string, _a: object, next: (err: Error, ok: boolean) => void) => next(new Error("no"), true),
    ],
    ["says no", (_n: string, _a: object, next: (err: null, ok: boolean) => void) => next(null, false)],
  ])("a function that %s refuses", async (_how, pattern) => {
    const bench = new Bench();
    bench.io.on("handler_error", () => {});
    bench.io.of(pattern);
    const peer = bench.peer();
    await peer.say("0/a,");
    expect(await peer.hear()).toEqual(['4/a,{"message":"Invalid namespace"}']);
  });

  test("clients that race for one make one", async () => {
    const bench = new Bench();
    const made = vi.fn();
    bench.io.on("new_namespace", made);
    const answers: Array<() => void> = [];
    bench.io.of((_name, _auth, next) => void answers.push(() => next(null, true)));
    const peers = [bench.peer(), bench.peer(), bench.peer()];
    for (const peer of peers) await peer.say("0/a,");
    for (const answer of answers) answer();
    await settle();
    expect(made).toHaveBeenCalledTimes(1);
    expect(bench.io.of("/a").sockets.size).toBe(3);
  });

  test("made by hand belong to the parent that matches", async () => {
    const bench = new Bench();
    const parent = bench.io.of(/^\/shop-\d+$/);
    const listener = vi.fn();
    const connected = vi.fn();
    parent.on("connection", listener);
    bench.io.of("/shop-1", connected);
    const { peer } = await bench.join("/shop-1");
    expect(listener).toHaveBeenCalledTimes(1);
    expect(connected).toHaveBeenCalledTimes(1);
    parent.emit("x");
    expect(await peer.hear()).toEqual(['2/shop-1,["x"]']);
  });

  test("a parent addresses all its children, and can't be asked for its sockets", async () => {
    const bench = new Bench();
    const parent = bench.io.of(/^\/shop-\d+$/);
    const one = await bench.join("/shop-1");
    const two = await bench.join("/shop-2");
    await two.socket.join("room");
    parent.to("room").emit("x", Buffer.from("b"));
    parent.send("y");
    expect(await one.peer.hear()).toEqual(['2/shop-1,["message","y"]']);
    expect(await two.peer.hear()).toEqual([
      '51-/shop-2,["x",{"_placeholder":true,"num":0}]',
      Buffer.from("b"),
      '2/shop-2,["message","y"]',
    ]);
    expect(() => parent.fetchSockets()).toThrow("fetchSockets() is not supported on parent namespaces");
  });

  test("a parent moves the sockets of all its children", async () => {
    const bench = new Bench();
    const parent = bench.io.of(/^\/shop-\d+$/);
    const first = await bench.join("/shop-1");
    const second = await bench.join("/shop-2");
    parent.socketsJoin(["a", "b"]);
    parent.socketsLeave("b");
    expect([...first.socket.rooms]).toEqual([first.socket.id, "a"]);
    expect(await parent.in("a").allSockets()).toEqual(new Set([first.socket.id, second.socket.id]));
    parent.in("a").disconnectSockets();
    expect([first.socket.connected, second.socket.connected]).toEqual([false, false]);
  });

  test("a parent collects the acknowledgements of all its children", async () => {
    const bench = new Bench();
    const parent = bench.io.of(/^\/shop-\d+$/);
    const one = await bench.join("/shop-1");
    const two = await bench.join("/shop-2");
    const answers = parent.timeout(5000).emitWithAck("q");
    await one.peer.say('3/shop-1,0["a"]');
    await two.peer.say('3/shop-2,0["b"]');
    await expect(answers).resolves.toEqual(["a", "b"]);
  });
});

describe("cleanupEmptyChildNamespaces", () => {
  const bench = (): { bench: Bench; parent: Namespace } => {
    const made = new Bench({ cleanupEmptyChildNamespaces: true });
    return { bench: made, parent: made.io.of(/^\/shop-\d+$/) };
  };

  test("removes a child when its last client has left; it can come back", async () => {
    const { bench: b, parent } = bench();
    const first = await b.join("/shop-1");
    const second = await b.join("/shop-1");
    const closed = vi.fn();
    first.socket.nsp.adapter.close = closed;
    first.socket.disconnect();
    expect(names(b)).toEqual(["/", "/shop-1"]);
    second.peer.transport.lose();
    expect(names(b)).toEqual(["/"]);
    expect(closed).toHaveBeenCalledTimes(1);
    const again: Socket[] = [];
    parent.on("connection", (socket) => again.push(socket));
    await b.join("/shop-1");
    expect(again).toHaveLength(1);
  });

  test("removes it after a refusal, but not while others are with the middlewares", async () => {
    const { bench: b, parent } = bench();
    let refuse = (_err: Error): void => {};
    parent.use((socket, next) => {
      if (socket.handshake.auth["wait"]) refuse = next;
      else next(new Error("no"));
    });
    const waiting = b.peer();
    await waiting.say('0/shop-1,{"wait":true}');
    const refused = b.peer();
    await refused.say("0/shop-1,");
    expect(await refused.hear()).toEqual(['4/shop-1,{"message":"no"}']);
    expect(names(b)).toEqual(["/", "/shop-1"]);
    refuse(new Error("no"));
    await settle();
    expect(names(b)).toEqual(["/"]);
  });

  test("removes a namespace made for a client that left meanwhile", async () => {
    const { bench: b } = bench();
    let allow = (): void => {};
    b.io.of((_name, _auth, next) => (allow = () => next(null, true)));
    const peer = b.peer();
    await peer.say("0/later,");
    peer.transport.lose();
    allow();
    await settle();
    expect(names(b)).toEqual(["/"]);
  });

  test("never removes static namespaces", async () => {
    const { bench: b } = bench();
    b.io.of("/static");
    const { socket } = await b.join("/static");
    socket.disconnect();
    expect(names(b)).toEqual(["/", "/static"]);
  });
});

test("a namespace can take a client in by itself, as tools do", async () => {
  const bench = new Bench();
  const { peer, socket } = await bench.join();
  const added = vi.fn();
  bench.io.of("/a")._add(socket.client, { token: 1 }, added);
  expect(await peer.hear()).toEqual([expect.stringMatching(/^0\/a,/)]);
  const [other] = bench.io.of("/a").sockets.values();
  expect(added).toHaveBeenCalledWith(other);
  expect(other?.handshake.auth).toEqual({ token: 1 });
});
