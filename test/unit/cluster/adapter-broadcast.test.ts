import { createRequire } from "node:module";
import { describe, expect, test, vi } from "vitest";
import { settle } from "../socketio/peer.ts";
import { ClusterBench, trio } from "./adapter-cluster-bench.ts";

const msgpack = createRequire(import.meta.url)("socket.io-msgpack-parser") as {
  Encoder: new () => { encode(packet: object): Buffer[] };
  Decoder: new () => { add(chunk: Buffer): void; on(event: "decoded", listener: (packet: unknown) => void): void };
};

const same = (messages: unknown[]) => [messages, messages, messages];

describe("a broadcast of one node", () => {
  test("reaches the clients of all, as on one server", async () => {
    const { one, heard } = await trio();
    one.io.emit("x", 1, "two", { three: [3] });
    expect(await heard()).toEqual(same(['2["x",1,"two",{"three":[3]}]']));
  });

  test("has its arguments as on one server: toJSON, dates, bytes, typed arrays, maps", async () => {
    const { one, heard } = await trio();
    const bytes = Buffer.from([1, 2, 3]);
    one.io.emit(
      "x",
      { toJSON: () => "by itself" },
      new Date(0),
      bytes,
      { deep: [new Uint16Array([258])] },
      new Uint8Array([5]).buffer,
      new Map([[1, 2]]),
      undefined,
      "\ud800 \u2028",
    );
    const [first, ...others] = await heard();
    expect(first).toHaveLength(4);
    expect(first![0]).toContain('"by itself","1970-01-01T00:00:00.000Z"');
    const plain = (messages: unknown[]) =>
      messages.map((part) => (typeof part === "string" ? part : [...new Uint8Array(asBytes(part))]));
    for (const other of others) expect(plain(other)).toEqual(plain(first!));
    expect(plain(first!).slice(1)).toEqual([[1, 2, 3], [2, 1], [5]]);
  });

  test("is encoded once and never decoded, and all links get the same bytes", async () => {
    const { one, two, three, mesh, heard } = await trio();
    const encoders = [one, two, three].map(({ io }) => vi.spyOn(io.encoder, "encode"));
    const parse = vi.spyOn(JSON, "parse");
    const toJSON = (): string => "needle";
    one.io.to(["r1", "r2"]).emit("nothing");
    one.io.emit("x", { toJSON }, Buffer.from("b"));
    await settle();
    const parsed = parse.mock.calls.filter(([text]) => text.includes("needle"));
    parse.mockRestore();
    expect(encoders.map(({ mock }) => mock.calls.length)).toEqual([2, 0, 0]);
    expect(parsed).toEqual([]);
    expect(await heard()).toEqual(same(['51-["x","needle",{"_placeholder":true,"num":0}]', Buffer.from("b")]));
    const [toB, toC] = [mesh.link("aaaa", "bbbb")!.sent, mesh.link("aaaa", "cccc")!.sent];
    expect(toB).toHaveLength(2);
    toB.forEach((frame, index) => expect(frame).toBe(toC[index]));
  });

  test("shares one message between all clients of a node", async () => {
    const { cluster, one, two, b } = await trio();
    const more = await Promise.all([cluster.join(1), cluster.join(1)]);
    const prepared = new Set<unknown>();
    for (const { socket } of [b, ...more]) {
      const { client } = socket;
      const write = client.writeToEngine.bind(client);
      client.writeToEngine = (encoded, options) => {
        prepared.add(options.prepared);
        write(encoded, options);
      };
    }
    one.io.emit("x");
    await settle();
    expect(prepared.size).toBe(1);
    expect(two.failures).toEqual([]);
  });

  test("decodes arguments for outgoing listeners alone, once", async () => {
    const { cluster, one, b, c } = await trio();
    const another = await cluster.join(1);
    const got: unknown[] = [];
    b.socket.onAnyOutgoing((...args) => got.push(args));
    another.socket.onAnyOutgoing((...args) => got.push(args));
    one.io.emit("x", { deep: [Buffer.from("b")] }, "needle");
    const parse = vi.spyOn(JSON, "parse");
    await settle();
    const parsed = parse.mock.calls.filter(([text]) => text.includes("needle"));
    parse.mockRestore();
    expect(parsed).toHaveLength(1);
    const event = ["x", { deep: [Buffer.from("b")] }, "needle"];
    expect(got).toEqual([event, event]);
    expect(await c.peer.hear()).toHaveLength(2);
  });

  test("reaches clients of protocol 4 (Socket.IO 2), with bytes", async () => {
    const cluster = new ClusterBench(["aaaa", "bbbb"]);
    const old = cluster.nodes[1]!.bench.peer({ protocol: 3 });
    await old.hear();
    cluster.nodes[0]!.io.emit("x", Buffer.from("b"));
    expect(await old.hear()).toEqual(['51-["x",{"_placeholder":true,"num":0}]', Buffer.from("b")]);
  });

  test("goes to rooms less others, which may be ids of sockets on any node, once to each", async () => {
    const { one, two, a, b, c, heard } = await trio();
    await b.socket.join(["red", "blue"]);
    await c.socket.join("blue");
    one.io.to(["red", "blue"]).emit("x");
    expect(await heard()).toEqual([[], ['2["x"]'], ['2["x"]']]);
    one.io.to("blue").except(b.socket.id).emit("x");
    expect(await heard()).toEqual([[], [], ['2["x"]']]);
    one.io.except([b.socket.id, "blue"]).emit("x");
    expect(await heard()).toEqual([['2["x"]'], [], []]);
    two.io.to(a.socket.id).emit("x");
    expect(await heard()).toEqual([['2["x"]'], [], []]);
    a.socket.broadcast.emit("x");
    expect(await heard()).toEqual([[], ['2["x"]'], ['2["x"]']]);
    a.socket.to("red").emit("x");
    expect(await heard()).toEqual([[], ['2["x"]'], []]);
    one.io.to("nowhere").emit("x");
    one.io.to([]).emit("y");
    expect(await heard()).toEqual(same(['2["y"]']));
  });

  test("stays on its node when it is local", async () => {
    const { one, heard } = await trio();
    one.io.local.emit("x");
    one.io.in([]).local.socketsJoin("red");
    one.io.to("red").emit("y");
    expect(await heard()).toEqual([['2["x"]', '2["y"]'], [], []]);
  });

  test("is dropped for clients that can't get it at once when it is volatile", async () => {
    const { one, b, heard } = await trio();
    b.peer.transport.writable = false;
    one.io.volatile.emit("x");
    await settle();
    b.peer.transport.writable = true;
    expect(await heard()).toEqual([['2["x"]'], [], ['2["x"]']]);
  });

  test("replaces an earlier one with the same key, and obeys compress and ifSlow", async () => {
    const { one, b } = await trio();
    const options: unknown[] = [];
    const write = b.socket.client.writeToEngine.bind(b.socket.client);
    b.socket.client.writeToEngine = (encoded, given) => {
      const { compress, volatile, conflate, ifSlow } = given;
      options.push({ compress, volatile, conflate, ifSlow });
      write(encoded, given);
    };
    b.peer.transport.writable = false;
    one.io.conflate("price").emit("price", 1);
    one.io.conflate("price").emit("price", 2);
    one.io.compress(false).ifSlow("drop-newest").emit("x");
    await settle();
    b.peer.transport.writable = true;
    b.peer.session.onDrain();
    expect(await b.peer.hear()).toEqual(['2["price",2]', '2["x"]']);
    expect(options.at(-1)).toEqual({
      compress: false,
      volatile: undefined,
      conflate: undefined,
      ifSlow: "drop-newest",
    });
  });

  test("keeps the order of its node, joins and leaves included", async () => {
    const { one, b } = await trio();
    const id = b.socket.id;
    for (let i = 0; i < 50; i++) {
      one.io.to("room").emit("n", i);
      if (i % 10 === 0) one.io.in(id).socketsJoin("room");
      if (i % 10 === 5) one.io.in(id).socketsLeave("room");
    }
    const expected = Array.from({ length: 50 }, (_, i) => i).filter((i) => i % 10 > 0 && i % 10 <= 5);
    expect(await b.peer.hear()).toEqual(expected.map((i) => `2["n",${i}]`));
  });

  test("is not for a node that joins later, and what follows is", async () => {
    const { cluster, one } = await trio();
    one.io.emit("before");
    cluster.add("dddd");
    const late = await cluster.join(3);
    one.io.emit("after");
    expect(await late.peer.hear()).toEqual(['2["after"]']);
    expect(await one.io.of("/").adapter.serverCount()).toBe(4);
  });

  test("is for the clients of its namespace alone", async () => {
    const { cluster, one, two, three, heard } = await trio();
    two.io.of("/chat");
    const guest = await cluster.join(1, "/chat");
    one.io.of("/chat").emit("x", Buffer.from("b"));
    expect(await guest.peer.hear()).toEqual(['51-/chat,["x",{"_placeholder":true,"num":0}]', Buffer.from("b")]);
    expect(await heard()).toEqual(same([]));
    expect([...two.failures, ...three.failures]).toEqual([]);
  });

  test("has the packets of a custom parser", async () => {
    const cluster = new ClusterBench(["aaaa", "bbbb"], { parser: msgpack });
    const [one, two] = cluster.nodes;
    const decoded: unknown[] = [];
    two!.io.on("connection", (socket) => socket.onAnyOutgoing((...args) => decoded.push(args)));
    const encoder = new msgpack.Encoder();
    const peer = two!.bench.peer();
    await peer.say(encoder.encode({ type: 0, nsp: "/" })[0]!);
    await peer.hear();
    one!.io.emit("x", Buffer.from("b"), new Date(0));
    const [message] = await peer.hear();
    const packets: unknown[] = [];
    const decoder = new msgpack.Decoder();
    decoder.on("decoded", (packet) => packets.push(packet));
    decoder.add(message as Buffer);
    expect(packets).toEqual([
      expect.objectContaining({ type: 2, nsp: "/", data: ["x", Buffer.from("b"), expect.anything()] }),
    ]);
    expect(decoded).toHaveLength(1);

    const answer = one!.io.timeout(1000).emitWithAck("q", 1);
    const [question] = await peer.hear();
    decoder.add(question as Buffer);
    const { id } = packets[1] as { id: number };
    await peer.say(encoder.encode({ type: 3, nsp: "/", id, data: ["yes", Buffer.from("a")] })[0]!);
    expect(await answer).toEqual(["yes"]);
    expect(two!.failures).toEqual([]);
  });
});

describe("a large broadcast", () => {
  test.each([1_048_570, 1_048_576, 3_000_000])("of %i bytes arrives whole and in order", async (size) => {
    const { one, two, heard } = await trio();
    const bytes = Buffer.alloc(size, "ab");
    one.io.emit("before");
    one.io.emit("x", bytes);
    one.io.emit("after");
    const messages = ['2["before"]', '51-["x",{"_placeholder":true,"num":0}]', bytes, '2["after"]'];
    for (const got of await heard()) {
      expect(got).toHaveLength(messages.length);
      got.forEach((part, index) =>
        expect(Buffer.from(part as string).equals(Buffer.from(messages[index] as string))).toBe(true),
      );
    }
    expect(two.failures).toEqual([]);
  });

  test("beyond maxMessageBytes is for the clients of its node alone, with a coded error", async () => {
    const { one, heard } = await trio({}, { maxMessageBytes: 1000 });
    one.io.emit("x", "y".repeat(1000));
    const [own, ...others] = await heard();
    expect(own).toHaveLength(1);
    expect(others).toEqual([[], []]);
    expect(one.failures).toMatchObject([{ code: "CLUSTER_MESSAGE_TOO_LARGE" }]);
    await expect(one.io.serverSideEmitWithAck("x", "y".repeat(1000))).rejects.toMatchObject({
      code: "CLUSTER_MESSAGE_TOO_LARGE",
    });
    expect(one.pending()).toBe(0);
  });

  test("waits for a congested link without losing the order", async () => {
    const { one, mesh, b } = await trio({}, { delivery: "manually", maxLinkBytes: 1_000_000 });
    const link = mesh.link("aaaa", "bbbb")!;
    for (let i = 0; i < 20; i++) one.io.emit("n", i, "x".repeat(200_000));
    expect(link.queuedBytes).toBeLessThan(1_000_000);
    expect(one.bus.heldBytes).toBeGreaterThan(2_000_000);
    mesh.deliver();
    expect(one.bus.heldBytes).toBe(0);
    const numbers = (await b.peer.hear()).map((text) => Number(/^2\["n",(\d+)/.exec(String(text))?.[1]));
    expect(numbers).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  test("fails the link when too much is held back", async () => {
    const { one, mesh } = await trio({}, { delivery: "manually", maxLinkBytes: 1e6, maxHeldBytes: 2e6 });
    for (let i = 0; i < 30; i++) one.io.emit("n", i, "x".repeat(200_000));
    expect(mesh.failures).toEqual([expect.stringMatching(/maxHeldBytes/), expect.stringMatching(/maxHeldBytes/)]);
    expect(one.bus.heldBytes).toBe(0);
    expect(await one.io.of("/").adapter.serverCount()).toBe(1);
  });
});

function asBytes(part: unknown): ArrayBuffer {
  if (part instanceof ArrayBuffer) return part;
  const { buffer, byteOffset, byteLength } = part as Uint8Array;
  return buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
}
