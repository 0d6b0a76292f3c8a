import { describe, expect, test, vi } from "vitest";
import type { Socket } from "@portage/server";
import { Bench, settle } from "./peer.ts";

describe("joining a namespace", () => {
  test("is answered with the id of the socket before anything that the listeners send", async () => {
    const bench = new Bench();
    const events: string[] = [];
    let id = "";
    bench.io.on("connection", () => events.push("connection"));
    bench.io.on("connect", (socket) => {
      events.push("connect");
      id = socket.id;
      expect(socket.connected).toBe(true);
      expect(socket.disconnected).toBe(false);
      expect([...socket.rooms]).toEqual([socket.id]);
      socket.emit("hello");
    });
    const peer = bench.peer();
    await peer.say("0");
    expect(await peer.hear()).toEqual([`0{"sid":"${id}"}`, '2["hello"]']);
    expect(id).toMatch(/^[\w-]{20}$/);
    expect(id).not.toBe(peer.session.id);
    expect(events).toEqual(["connect", "connection"]);
  });

  test("of an unknown name is refused, and the connection stays", async () => {
    const bench = new Bench();
    const peer = bench.peer();
    await peer.say("0/unknown,");
    expect(await peer.hear()).toEqual(['4/unknown,{"message":"Invalid namespace"}']);
    expect(peer.isConnected).toBe(true);
  });

  test("gives the socket its handshake", async () => {
    const bench = new Bench();
    const peer = bench.peer({ headers: { origin: "http://elsewhere", "user-agent": "test" }, query: { room: "7" } });
    await peer.say('0{"token":"abc"}');
    const [socket] = bench.io.sockets.sockets.values();
    const { handshake } = socket as Socket;
    expect(handshake).toMatchObject({
      address: "10.0.0.1",
      xdomain: true,
      secure: false,
      url: "/socket.io/?EIO=4",
      query: { EIO: "4", room: "7" },
      auth: { token: "abc" },
    });
    expect(handshake.headers["user-agent"]).toBe("test");
    expect(handshake.time).toBe(String(new Date(handshake.issued)));
    expect(JSON.parse(JSON.stringify(handshake))).toEqual(handshake);
    expect(socket?.handshake).toBe(handshake);
  });

  test("works for several namespaces over one connection", async () => {
    const bench = new Bench();
    const seen: string[] = [];
    for (const name of ["/", "/a", "/b"]) bench.io.of(name).on("connection", ({ nsp }) => seen.push(nsp.name));
    const peer = bench.peer();
    await peer.say("0", "0/a,", "0/b,");
    expect(seen).toEqual(["/", "/a", "/b"]);
    bench.io.of("/a").emit("x", 1);
    await peer.hear();
    bench.io.of("/b").emit("x", 2);
    expect(await peer.hear()).toEqual(['2/b,["x",2]']);
  });
});

describe("a middleware of a namespace", () => {
  test("that is not a function is refused at once, and does not bypass the others", async () => {
    const bench = new Bench();
    for (const odd of [undefined, null, false, 0, "", {}]) {
      expect(() => bench.io.use(odd as never)).toThrow(expect.objectContaining({ code: "NOT_A_FUNCTION" }));
    }
    bench.io.use((_socket, next) => next(new Error("no entry")));
    const peer = bench.peer();
    await peer.say("0");
    expect(await peer.hear()).toEqual(['4{"message":"no entry"}']);
  });

  test("may let the socket join rooms that are numbers", async () => {
    const bench = new Bench();
    bench.io.use((socket, next) => {
      void socket.join(5 as never);
      next();
    });
    const peer = bench.peer();
    await peer.say("0");
    const [socket] = bench.io.sockets.sockets.values();
    expect([...(socket?.rooms ?? [])]).toEqual([5, socket?.id]);
    bench.io.to(5 as never).emit("hello");
    expect((await peer.hear()).at(-1)).toBe('2["hello"]');
  });
});

describe("a packet in the wrong state closes the connection:", () => {
  const cases: Array<[name: string, before: string[], packet: string]> = [
    ["an event before the namespace is joined", [], '2["a"]'],
    ["an event while the answer is due", ["0/slow,"], '2/slow,["a"]'],
    ["joining what is joined", ["0"], "0"],
    ["leaving what was never joined", ["0"], "1/other,"],
    ["a refusal by the client", ["0"], '4{"message":"no"}'],
    ["an acknowledgement for nobody", [], "31[]"],
    ["no packet at all", ["0"], "zzz"],
    ["an event with a reserved name", ["0"], '2["disconnect"]'],
    ["bytes that nobody has announced", ["0"], "b"],
  ];
  test.each(cases)("%s", async (_name, before, packet) => {
    const bench = new Bench();
    bench.io.of("/slow").use(() => {});
    const reasons: string[] = [];
    const errors: unknown[] = [];
    bench.io.on("connection", (socket) => {
      socket.on("disconnect", (reason) => reasons.push(reason));
      socket.on("error", (error) => errors.push(error));
    });
    const bystander = await bench.join();
    const peer = bench.peer();
    for (const message of before) await peer.say(message);
    await peer.say(packet === "b" ? Buffer.from("b") : packet);
    expect(peer.isConnected).toBe(false);
    expect(reasons).toEqual(before[0] === "0" ? ["forced close"] : []);
    expect(bystander.socket.connected).toBe(true);
  });

  test("the parser's error reaches the error listeners of all its sockets", async () => {
    const bench = new Bench();
    const errors: string[] = [];
    bench.io.of("/a");
    for (const name of ["/", "/a"]) {
      bench.io.of(name).on("connection", (socket) => socket.on("error", (err) => errors.push(name + err.message)));
    }
    const peer = bench.peer();
    await peer.say("0", "0/a,");
    await peer.say("9");
    expect(errors).toEqual(["/unknown packet type 9", "/aunknown packet type 9"]);
  });
});

describe("leaving and coming back", () => {
  test("in one breath does not close the connection", async () => {
    const bench = new Bench();
    const events: string[] = [];
    bench.io.on("connection", (socket) => {
      events.push("in");
      socket.on("disconnect", (reason) => events.push(reason));
    });
    const { peer } = await bench.join();
    await peer.say("1", "0");
    expect(await peer.hear()).toEqual([expect.stringMatching(/^0\{"sid"/)]);
    expect(peer.isConnected).toBe(true);
    expect(events).toEqual(["in", "client namespace disconnect", "in"]);
    expect(bench.io.sockets.sockets.size).toBe(1);
  });

  test("before the answer: only the last attempt counts", async () => {
    const bench = new Bench();
    const tokens: unknown[] = [];
    bench.io.use((socket, next) => {
      tokens.push(socket.handshake.auth["token"]);
      next();
    });
    const peer = bench.peer();
    await peer.say('0{"token":1}', '0{"token":2}', "1", '0{"token":3}');
    expect(await peer.hear()).toHaveLength(1);
    expect(tokens).toEqual([3]);
    expect(bench.io.sockets.sockets.size).toBe(1);
    expect(bench.io.sockets._preConnectSockets.size).toBe(0);
  });

  test("while a middleware takes its time: its answer to the first attempt is void", async () => {
    const bench = new Bench();
    const pending: Array<() => void> = [];
    bench.io.use((_socket, next) => void pending.push(next));
    const peer = bench.peer();
    await peer.say("0");
    await peer.say("0");
    expect(pending).toHaveLength(2);
    for (const next of pending) next();
    expect(await peer.hear()).toHaveLength(1);
    expect(bench.io.sockets.sockets.size).toBe(1);
    expect(bench.io.sockets._preConnectSockets.size).toBe(0);
  });

  test("a client that leaves while a middleware takes its time never gets in", async () => {
    const bench = new Bench();
    let admit = (): void => {};
    bench.io.use((_socket, next) => void (admit = next));
    const peer = bench.peer();
    await peer.say("0");
    await peer.say("1");
    admit();
    expect(await peer.hear()).toEqual([]);
    expect(bench.io.sockets.sockets.size).toBe(0);
    expect(bench.io.sockets._preConnectSockets.size).toBe(0);
    expect(peer.isConnected).toBe(true);
  });

  test("packets that cross the server's disconnection are ignored", async () => {
    const bench = new Bench();
    const { peer, socket } = await bench.join();
    socket.disconnect();
    await peer.say('2["late"]', "31[]", "1");
    expect(peer.isConnected).toBe(true);
    await peer.say("0");
    expect(bench.io.sockets.sockets.size).toBe(1);
  });
});

describe("the time to join", () => {
  test("is over for a client that joins nothing", async () => {
    const bench = new Bench({ connectTimeout: 1000 });
    const peer = bench.peer();
    bench.clock.advance(999);
    expect(peer.isConnected).toBe(true);
    bench.clock.advance(1);
    expect(peer.isConnected).toBe(false);
  });

  test("is over as well while a middleware takes too long", async () => {
    const bench = new Bench({ connectTimeout: 1000 });
    bench.io.use(() => {});
    const peer = bench.peer();
    await peer.say("0");
    bench.clock.advance(1000);
    await settle();
    expect(peer.isConnected).toBe(false);
    expect(bench.io.sockets._preConnectSockets.size).toBe(0);
  });

  test("does not matter any more once a namespace is joined", async () => {
    const bench = new Bench({ connectTimeout: 1000 });
    const { peer } = await bench.join();
    const before = bench.clock.pending;
    bench.clock.advance(1000);
    expect(peer.isConnected).toBe(true);
    expect(bench.clock.pending).toBe(before);
  });

  test("is 45 seconds, and can be changed for clients to come", () => {
    const { io } = new Bench();
    expect(io.connectTimeout()).toBe(45_000);
    expect(io.connectTimeout(10)).toBe(io);
    expect(io.connectTimeout()).toBe(10);
  });
});

describe("middlewares of a namespace", () => {
  test("are called in order, with a socket that is not connected yet", async () => {
    const bench = new Bench();
    const calls: unknown[] = [];
    bench.io.use((socket, next) => {
      calls.push([1, socket.connected, socket.disconnected]);
      setImmediate(next);
    });
    bench.io.use((socket, next) => {
      calls.push([2, socket.id.length]);
      socket.data = { user: "ada" };
      void socket.join("early");
      next();
    });
    const peer = bench.peer();
    await peer.say("0");
    await settle();
    const [socket] = bench.io.sockets.sockets.values();
    expect(calls).toEqual([
      [1, false, true],
      [2, 20],
    ]);
    expect(socket?.data).toEqual({ user: "ada" });
    expect(socket?.rooms.has("early")).toBe(true);
  });

  test("refuse with message and data", async () => {
    const bench = new Bench();
    const later = vi.fn();
    bench.io.use((_socket, next) => next(Object.assign(new Error("who are you?"), { data: { code: 7 } })));
    bench.io.use(later);
    bench.io.on("connection", later);
    const peer = bench.peer();
    await peer.say("0");
    expect(await peer.hear()).toEqual(['4{"message":"who are you?","data":{"code":7}}']);
    expect(later).not.toHaveBeenCalled();
    expect(peer.isConnected).toBe(true);
    expect(bench.io.sockets.adapter.sids.size).toBe(0);
  });

  test("are not called for a client that is gone", async () => {
    const bench = new Bench();
    const second = vi.fn();
    let go = (): void => {};
    bench.io.use((_socket, next) => void (go = next));
    bench.io.use(second);
    const peer = bench.peer();
    await peer.say("0");
    peer.transport.lose();
    go();
    await settle();
    expect(second).not.toHaveBeenCalled();
    expect(bench.io.sockets._preConnectSockets.size).toBe(0);
  });

  test("that call next twice let the client in once", async () => {
    const bench = new Bench();
    const connected = vi.fn();
    bench.io.on("connection", connected);
    bench.io.use((_socket, next) => {
      next();
      next();
      next(new Error("too late"));
    });
    const peer = bench.peer();
    await peer.say("0");
    expect(await peer.hear()).toHaveLength(1);
    expect(connected).toHaveBeenCalledTimes(1);
  });

  test.each([
    [
      "throw",
      () => {
        throw new Error("db password is 1234");
      },
    ],
    [
      "reject",
      async () => {
        throw new Error("db password is 1234");
      },
    ],
  ] as Array<[string, () => void]>)("that %s refuse without telling the client why", async (_how, middleware) => {
    const bench = new Bench();
    const failures = vi.fn();
    bench.io.on("handler_error", failures);
    bench.io.use(middleware);
    const peer = bench.peer();
    await peer.say("0");
    expect(await peer.hear()).toEqual(['4{"message":"Internal server error"}']);
    expect(failures.mock.calls).toEqual([
      [new Error("db password is 1234"), expect.objectContaining({ handler: "namespace middleware" })],
    ]);
  });
});
