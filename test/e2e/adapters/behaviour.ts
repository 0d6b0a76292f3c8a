import type { Server } from "socket.io";
import type { Socket } from "socket.io-client";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type Bus, clientOf, type Cluster, eventually, startCluster } from "../../support/servers/cluster.ts";
import type { Target } from "../../support/targets.ts";
import { nextEvent, within } from "../../support/waiting.ts";

/** Collects the clients' events, and checks their number. Their order is undefined if a bus uses several connections. */
async function heardBy(clients: readonly Socket[], counts: readonly number[], emit: (to: Server) => void, io: Server) {
  const heard = clients.map((): unknown[][] => []);
  clients.forEach((client, index) => client.onAny((...args: unknown[]) => heard[index]?.push(args)));
  const got = (): number[] => heard.map(({ length }) => length);
  emit(io);
  await eventually(async () => expect(got()).toEqual(counts));
  io.emit("end");
  await eventually(async () => expect(got()).toEqual(counts.map((count) => count + 1)));
  for (const client of clients) client.offAny();
  return heard.map((events) => new Set(events.slice(0, -1)));
}

/** Tests of two servers with any cluster adapter and real clients. */
export function clusterBehaviour(bus: () => Bus, makes: readonly [Target, Target], options: object = {}): void {
  let cluster: Cluster;
  let a: Server;
  let b: Server;
  /** Two clients of the first server, one of the second. */
  let clients: [Socket, Socket, Socket];

  beforeAll(async () => {
    cluster = await startCluster(bus(), makes, options);
    [a, b] = [cluster.nodes[0].io, cluster.nodes[1].io];
  });
  afterAll(() => cluster.stop());

  beforeEach(async () => {
    const [one, two] = cluster.nodes;
    clients = await Promise.all([clientOf(one.url), clientOf(one.url), clientOf(two.url)]);
    a.in(clients[0].id ?? "").socketsJoin("red");
    b.in(clients[2].id ?? "").socketsJoin("red");
    await eventually(async () => expect(await a.in("red").fetchSockets()).toHaveLength(2));
  });
  afterEach(async () => {
    for (const client of clients) client.disconnect();
    await eventually(async () => expect(await a.fetchSockets()).toHaveLength(0));
    for (const io of [a, b]) io.removeAllListeners();
  });

  test("broadcasts reach the clients of both, with text and bytes, in rooms and outside", async () => {
    const bytes = Buffer.from([1, 2, 3]);
    const emit = (io: Server): void => {
      io.emit("all", 1, { two: [2] });
      io.to("red").emit("red", bytes);
      io.except("red").emit("others");
    };
    const all = ["all", 1, { two: [2] }];
    expect(await heardBy(clients, [2, 2, 2], emit, a)).toEqual([
      new Set([all, ["red", bytes]]),
      new Set([all, ["others"]]),
      new Set([all, ["red", bytes]]),
    ]);
    const toSome = (io: Server): unknown => io.local.emit("local");
    const local = new Set([["local"]]);
    expect(await heardBy(clients, [1, 1, 0], toSome, a)).toEqual([local, local, new Set()]);
  });

  test("sockets of both are found, and can be addressed one by one", async () => {
    b.sockets.sockets.forEach((socket) => (socket.data = { name: "remote" }));
    const found = await a.fetchSockets();
    expect(new Set(found.map(({ id }) => id))).toEqual(new Set(clients.map(({ id }) => id)));
    const remote = found.find(({ id }) => id === clients[2].id);
    expect(remote).toMatchObject({ data: { name: "remote" }, handshake: { address: expect.any(String) } });
    expect(new Set(remote?.rooms)).toEqual(new Set([clients[2].id, "red"]));
    clients[2].on("question", (_arg, done: (answer: string) => void) => done("from afar"));
    expect(await remote?.timeout(10_000).emitWithAck("question", 1)).toBe("from afar");
  });

  test("sockets of both join, leave and are disconnected", async () => {
    b.in("red").socketsJoin("blue");
    await eventually(async () => expect(await b.in("blue").fetchSockets()).toHaveLength(2));
    b.in(clients[0].id ?? "").socketsLeave("blue");
    await eventually(async () => expect(await a.in("blue").fetchSockets()).toHaveLength(1));
    const gone = nextEvent(clients[2], "disconnect");
    a.in("blue").disconnectSockets(true);
    expect((await gone)[0]).toMatch(/^(io server disconnect|transport close)$/);
    await eventually(async () => expect(await a.fetchSockets()).toHaveLength(2));
  });

  test("servers send events to each other, and answer", async () => {
    const asked = within(
      new Promise((resolve) => b.on("hello", (...args: unknown[]) => resolve(args))),
      "the other server to hear",
    );
    a.on("hello", () => expect.unreachable("a server must not hear itself"));
    a.serverSideEmit("hello", 1, { two: 2 });
    expect(await asked).toEqual([1, { two: 2 }]);
    b.on("question", (arg: number, done: (answer: unknown) => void) => done({ is: arg + 1 }));
    expect(await a.serverSideEmitWithAck("question", 41)).toEqual([{ is: 42 }]);
  });

  test("clients of both acknowledge a broadcast", async () => {
    clients.forEach((client, index) => client.on("q", (_x, done: (answer: number) => void) => done(index)));
    const answers = (await a.timeout(10_000).emitWithAck("q", 1)) as number[];
    expect(new Set(answers)).toEqual(new Set([0, 1, 2]));
    clients[2].off("q");
    await expect(a.to("red").timeout(1000).emitWithAck("q", 1)).rejects.toMatchObject({ responses: [0] });
  });
}
