import type { Namespace, Server, Socket } from "socket.io";
import { io as connectClient, type Socket as ClientSocket } from "socket.io-client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Running, serve } from "../support/servers/host.ts";
import { exportsOf } from "../support/reference-names.ts";
import { subject } from "../support/targets.ts";
import { nextEvent } from "../support/waiting.ts";

// Namespace, Socket, BroadcastOperator, RemoteSocket, Client.

let running: Running;
let io: Server;
const clients: ClientSocket[] = [];

beforeEach(async () => {
  running = await serve(subject, { allowEIO3: true });
  io = running.io;
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  await running.stop();
});

/** A client and its socket. */
async function join(namespace = "/", options: object = {}): Promise<[ClientSocket, Socket]> {
  const defaults = { transports: ["websocket"], forceNew: true, reconnection: false };
  const connection = nextEvent<[Socket]>(io.of(namespace), "connection");
  const client = connectClient(`${running.url}${namespace}`, { ...defaults, ...options });
  clients.push(client);
  await nextEvent(client, "connect");
  return [client, (await connection)[0]];
}

const inside = (value: unknown): Record<string, unknown> => value as Record<string, unknown>;

describe("Namespace", () => {
  test("members", async () => {
    const nsp = io.of("/n");
    expect(nsp).toMatchObject({ name: "/n", server: io });
    expect(nsp.adapter).toBeInstanceOf(exportsOf["socket.io-adapter"].Adapter);
    expect([nsp.sockets.size, inside(nsp)["_ids"]]).toEqual([0, 0]);
    expect(inside(nsp)["_preConnectSockets"]).toBeInstanceOf(Map);
    for (const name of [
      "_onServerSideEmit",
      "_initAdapter",
      "_add",
      "_remove",
      "serverSideEmitWithAck",
      "allSockets",
    ]) {
      expect(typeof inside(nsp)[name]).toBe("function");
    }
    const operators = [
      nsp.to("r"),
      nsp.in(["r"]),
      nsp.except("r"),
      nsp.compress(true),
      nsp.volatile,
      nsp.local,
      nsp.timeout(1),
    ];
    for (const operator of operators) expect(operator.constructor.name).toBe("BroadcastOperator");
    expect([nsp.emit("a"), nsp.send("a"), nsp.write("a")]).toEqual([true, nsp, nsp]);
  });

  test("middlewares run in order, and refuse with message and data", async () => {
    const order: string[] = [];
    io.of("/m").use((socket, next) => {
      order.push(`first ${socket.connected}`);
      next();
    });
    io.of("/m").use((socket, next) => {
      order.push("second");
      next(socket.handshake.auth["in"] ? undefined : Object.assign(new Error("no"), { data: { why: 1 } }));
    });
    const refused = connectClient(`${running.url}/m`, { forceNew: true, reconnection: false });
    expect((await nextEvent(refused, "connect_error"))[0]).toMatchObject({ message: "no", data: { why: 1 } });
    await join("/m", { auth: { in: true } });
    expect(order).toEqual(["first false", "second", "first false", "second"]);
  });

  test("`connect` comes before `connection`, and after the socket is among the others", async () => {
    const order: unknown[] = [];
    for (const event of ["connection", "connect"] as const) {
      io.on(event, (socket) => order.push(event, io.sockets.sockets.get(socket.id) === socket));
    }
    await join();
    expect(order).toEqual(["connect", true, "connection", true]);
  });
});

describe("Socket", () => {
  test("members", async () => {
    const [client, socket] = await join("/", { auth: { token: "x" }, query: { q: "1" } });
    expect(socket.id).toMatch(/^.{20}$/);
    expect(socket.id).toBe(client.id);
    expect(socket.nsp).toBe(io.of("/"));
    expect(socket.conn).toBe(socket.client.conn);
    expect(inside(socket.conn)["id"]).not.toBe(socket.id);
    expect(socket.request).toBe(socket.client.request);
    expect([...socket.rooms]).toEqual([socket.id]);
    expect(socket).toMatchObject({ connected: true, disconnected: false, recovered: false, data: {} });
    const { handshake } = socket;
    expect(handshake).toMatchObject({
      auth: { token: "x" },
      secure: false,
      xdomain: false,
      query: { q: "1", EIO: "4" },
    });
    expect(handshake.address).toContain("127.0.0.1");
    expect([typeof handshake.time, typeof handshake.issued, typeof handshake.url]).toEqual([
      "string",
      "number",
      "string",
    ]);
    expect(inside(socket)["acks"]).toBeInstanceOf(Map);
    const methods = [
      "notifyOutgoingListeners",
      "_onpacket",
      "_onconnect",
      "_onerror",
      "_onclose",
      "_error",
      "_cleanup",
      "leaveAll",
    ];
    for (const name of [...methods, "onevent", "ack"]) expect(typeof inside(socket)[name]).toBe("function");
  });

  test("sending, with and without acknowledgement", async () => {
    const [client, socket] = await join();
    client.on("q", (value: number, answer: (value: number) => void) => answer(value + 1));
    client.on("silent", () => {});
    expect(socket.emit("a", 1)).toBe(true);
    expect(socket.send("b").write("c").compress(false)).toBe(socket);
    expect(await socket.emitWithAck("q", 1)).toBe(2);
    expect(await new Promise((resolve) => socket.emit("q", 2, resolve))).toBe(3);
    await expect(socket.timeout(10).emitWithAck("silent")).rejects.toThrow("operation has timed out");
    expect(
      await new Promise((resolve) => socket.timeout(10_000).emit("q", 3, (...all: unknown[]) => resolve(all))),
    ).toEqual([null, 4]);
    socket.volatile.emit("v");
    for (const name of ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"]) {
      expect(() => socket.emit(name)).toThrow(`"${name}" is a reserved event name`);
    }
  });

  test("rooms and broadcasts without itself", async () => {
    const [[one, first], [two, second]] = [await join(), await join()];
    await first.join(["r", "s"]);
    await second.join("r");
    await first.leave("s");
    expect([...first.rooms]).toEqual([first.id, "r"]);
    const heard: unknown[] = [];
    one.onAny((...args) => heard.push(["one", ...args]));
    two.onAny((...args) => heard.push(["two", ...args]));
    for (const [index, operator] of [
      first.to("r"),
      first.in(["r", "r2"]),
      first.except("s"),
      first.broadcast,
      first.local,
    ].entries()) {
      operator.emit("e", index);
    }
    const end = nextEvent(two, "end");
    second.emit("end");
    await end;
    expect(heard).toEqual([...[0, 1, 2, 3, 4].map((index) => ["two", "e", index]), ["two", "end"]]);
  });

  test("middlewares and catch-all listeners", async () => {
    const [client, socket] = await join();
    const seen: unknown[] = [];
    socket.use((event, next) => {
      if (event[0] === "no") return next(new Error("refused"));
      event[1] = "changed";
      next();
    });
    socket.on("error", (error) => seen.push(error.message));
    const any = (...args: unknown[]): void => void seen.push(["any", ...args]);
    socket.onAny(any).prependAny((event) => seen.push(["first", event]));
    expect(socket.listenersAny()).toHaveLength(2);
    socket.on("a", (value) => seen.push(["a", value]));
    const arrived = nextEvent(socket, "a");
    client.emit("a", 1);
    await arrived;
    client.emit("no");
    await nextEvent(socket, "error");
    expect(seen).toEqual([
      ["first", "a"],
      ["any", "a", 1],
      ["a", "changed"],
      ["first", "no"],
      ["any", "no"],
      "refused",
    ]);
    socket.offAny(any);
    expect(socket.listenersAny()).toHaveLength(1);
    socket.offAny();
    expect(socket.listenersAny()).toEqual([]);
    const sent: unknown[] = [];
    const out = (...args: unknown[]): void => void sent.push(args);
    socket.onAnyOutgoing(out).prependAnyOutgoing(() => sent.push("first"));
    const bytes = Buffer.from("b");
    socket.emit("x", bytes);
    io.emit("y");
    expect(sent).toEqual(["first", ["x", bytes], "first", ["y"]]);
    expect((sent[1] as unknown[])[1]).toBe(bytes);
    socket.offAnyOutgoing(out).offAnyOutgoing();
    expect(socket.listenersAnyOutgoing()).toEqual([]);
  });

  test("the end: events, reasons, rooms", async () => {
    const [client, socket] = await join();
    await socket.join("r");
    const seen: unknown[] = [];
    socket.on("disconnecting", (reason) => seen.push("disconnecting", reason, [...socket.rooms].length));
    socket.on("disconnect", (reason) => seen.push("disconnect", reason, socket.rooms.size, socket.connected));
    const gone = nextEvent(client, "disconnect");
    expect(socket.disconnect()).toBe(socket);
    expect((await gone)[0]).toBe("io server disconnect");
    const reason = "server namespace disconnect";
    expect(seen).toEqual(["disconnecting", reason, 2, "disconnect", reason, 0, false]);
    await socket.join("later");
    expect(socket.rooms.size).toBe(0);
  });

  test("disconnect(true) takes the other namespaces along", async () => {
    const [client, socket] = await join();
    const other = client.io.socket("/other");
    io.of("/other");
    await nextEvent(other, "connect");
    const [there] = [...io.of("/other").sockets.values()] as [Socket];
    const ended = nextEvent(there, "disconnect");
    const both = [nextEvent(client, "disconnect"), nextEvent(other, "disconnect")];
    socket.disconnect(true);
    await Promise.all([...both, ended]);
    expect(io.engine.clientsCount).toBe(0);
  });
});

describe("BroadcastOperator and RemoteSocket", () => {
  test("each step is an operator of its own; who is in several rooms gets one packet", async () => {
    const [client, socket] = await join();
    await socket.join(["a", "b"]);
    const base = io.to("a");
    const both = base.to(["b", "c"]);
    expect(both).not.toBe(base);
    expect([...(inside(base)["rooms"] as Set<string>)]).toEqual(["a"]);
    const heard: unknown[] = [];
    client.on("e", (value) => heard.push(value));
    both.emit("e", 1);
    both.except("b").emit("e", 2);
    client.on("end", () => heard.push("end"));
    const end = nextEvent(client, "end");
    io.emit("end");
    await end;
    expect(heard).toEqual([1, "end"]);
  });

  test("acknowledgements: one each, an error in time, and none to wait for", async () => {
    const [[one], [two]] = [await join(), await join()];
    for (const client of [one, two]) client.on("q", (answer: (id: unknown) => void) => answer(client.id));
    const all = await new Promise<unknown[]>((resolve) =>
      io.timeout(10_000).emit("q", (...args: unknown[]) => resolve(args)),
    );
    expect(all[0]).toBe(null);
    expect(new Set(all[1] as unknown[])).toEqual(new Set([one.id, two.id]));
    two.off("q");
    const late = await io
      .timeout(1000)
      .emitWithAck("q")
      .catch((error: Error & { responses: unknown }) => error);
    expect(late).toMatchObject({ message: "operation has timed out", responses: [one.id] });
    expect(await io.to("nobody").timeout(10_000).emitWithAck("q")).toEqual([]);
    const [remote] = await io.in(one.id as string).fetchSockets();
    expect(await remote?.timeout(10_000).emitWithAck("q")).toBe(one.id);
  });

  test("the sockets of fetchSockets()", async () => {
    const [client, socket] = await join();
    socket.data = { name: "ada" };
    const [found] = await io.fetchSockets();
    expect(found).toMatchObject({ id: client.id, data: { name: "ada" } });
    expect(found?.handshake.auth).toEqual({});
    found?.join("r");
    expect([...(found?.rooms ?? [])]).toEqual([client.id, "r"]);
    found?.leave("r");
    const hello = nextEvent(client, "hello");
    found?.emit("hello", 1);
    expect(await hello).toEqual([1]);
    const gone = nextEvent(client, "disconnect");
    found?.disconnect(true);
    await gone;
  });

  test("a socket of another node is a RemoteSocket", async () => {
    const details = { id: "far", handshake: { auth: {} }, rooms: ["far", "r"], data: { name: "bo" } };
    const nsp = io.of("/far") as Namespace & { adapter: object };
    Object.assign(nsp.adapter, { fetchSockets: () => Promise.resolve([details]) });
    const [remote] = await nsp.fetchSockets();
    expect(remote?.constructor.name).toBe("RemoteSocket");
    expect(remote).toMatchObject({ id: "far", data: { name: "bo" }, rooms: new Set(["far", "r"]) });
    for (const method of ["emit", "timeout", "join", "leave", "disconnect"] as const) {
      expect(typeof remote?.[method]).toBe("function");
    }
  });
});

test("Client", async () => {
  const [client, { client: connection }] = await join();
  const { id } = inside(connection);
  expect(id).toBe(inside(connection.conn)["id"]);
  for (const name of ["writeToEngine", "_packet", "_disconnect", "_remove", "ondata"]) {
    expect(typeof inside(connection)[name]).toBe("function");
  }
  const heard = nextEvent(client, "raw");
  (connection as never as { writeToEngine(packets: unknown[], options: object): void }).writeToEngine(['2["raw",1]'], {
    preEncoded: true,
  });
  expect(await heard).toEqual([1]);
  // Third-party adapters also pass a packet outside of a list.
  for (const raw of ['2["raw",2]', Buffer.from("b")]) {
    const again = nextEvent(client, "raw");
    const attached = typeof raw === "string" ? raw : '51-["raw",{"_placeholder":true,"num":0}]';
    const adapted = connection as never as { writeToEngine(packet: unknown, options: object): void };
    adapted.writeToEngine(attached, {});
    if (raw !== attached) adapted.writeToEngine(raw, {});
    expect(await again).toEqual([typeof raw === "string" ? 2 : raw]);
  }
});
