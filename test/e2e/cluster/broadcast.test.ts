import { localCluster } from "@portage/cluster";
import { redisCluster } from "@portage/cluster/redis";
import { Redis } from "ioredis";
import type { Server } from "socket.io";
import * as npm from "socket.io-adapter";
import msgpack from "socket.io-msgpack-parser";
import type { Socket } from "socket.io-client";
import { afterAll, describe, expect, test } from "vitest";
import { startRedis } from "../../support/servers/redis.ts";
import { type Bus, clientOf, startCluster } from "../../support/servers/cluster.ts";
import { portage, reference, type Target } from "../../support/targets.ts";
import { nextEvent, within } from "../../support/waiting.ts";
import { clusterBehaviour } from "../adapters/behaviour.ts";

let clusters = 0;

/** Servers with the option `cluster`. */
function local(): Bus {
  const name = `test-${process.pid}-${clusters++}`;
  const end = (): Promise<void> => Promise.resolve();
  return { adapter: () => Promise.resolve({ options: { cluster: localCluster({ name }) }, end }) };
}

const redis = await startRedis();
afterAll(() => redis?.stop());

/** The same on Redis, over TCP or over Redis alone. */
function onRedis(links: "auto" | "bus"): Bus {
  const name = `test-${process.pid}-${clusters++}`;
  const adapter = (): ReturnType<Bus["adapter"]> => {
    const client = new Redis(redis?.url ?? "", { lazyConnect: true });
    const end = (): Promise<void> => Promise.resolve(client.disconnect());
    return Promise.resolve({ options: { cluster: redisCluster(client, { name, links }) }, end });
  };
  return { adapter };
}

/** Servers of socket.io with its own adapter, on a bus in memory. */
function inMemory(): Bus {
  const members: Array<{ onMessage(message: object): void; onResponse(response: object): void; uid: string }> = [];
  class MemoryAdapter extends npm.ClusterAdapterWithHeartbeat {
    constructor(nsp: unknown) {
      super(nsp, {});
      members.push(this as never);
    }
    override doPublish = (message: object): Promise<string> => {
      for (const member of members) setImmediate(() => member.onMessage(structuredClone(message)));
      return Promise.resolve("");
    };
    override doPublishResponse = (uid: string, response: object): Promise<void> => {
      for (const member of members)
        if (member.uid === uid) setImmediate(() => member.onResponse(structuredClone(response)));
      return Promise.resolve();
    };
  }
  return { adapter: () => Promise.resolve({ adapter: MemoryAdapter as never, end: () => Promise.resolve() }) };
}

describe("two servers with the option cluster", () => {
  clusterBehaviour(local, [portage, portage]);
});

describe.skipIf(redis === undefined).each(["auto", "bus"] as const)("two servers on Redis, links: %s", (links) => {
  clusterBehaviour(() => onRedis(links), [portage, portage]);
});

describe("two servers with the option cluster and a custom parser", () => {
  test("exchange packets of that parser", async () => {
    const cluster = await startCluster(local(), [portage, portage], { parser: msgpack });
    const [one, two] = cluster.nodes;
    const client = await clientOf(two.url, { parser: msgpack });
    const heard = nextEvent(client, "x");
    one.io.emit("x", Buffer.from("b"), { deep: [1] });
    expect(await heard).toEqual([Buffer.from("b"), { deep: [1] }]);
    client.on("q", (done: (answer: string) => void) => done("yes"));
    expect(await one.io.timeout(5000).emitWithAck("q")).toEqual(["yes"]);
    client.disconnect();
    await cluster.stop();
  });
});

test("a broadcast of several megabytes arrives, and the node goes on", async () => {
  const cluster = await startCluster(local(), [portage, portage]);
  const [one, two] = cluster.nodes;
  const client = await clientOf(two.url);
  const heard = nextEvent(client, "large");
  const bytes = Buffer.alloc(5_000_000, "abc");
  one.io.emit("large", bytes);
  const [got] = (await heard) as [Buffer];
  expect(bytes.equals(got)).toBe(true);
  const next = nextEvent(client, "next");
  one.io.emit("next", 1);
  expect(await next).toEqual([1]);
  client.disconnect();
  await cluster.stop();
});

/** Runs a program on two servers, and returns what each client has heard, and what the program has returned. */
async function outcome(bus: Bus, make: Target, program: (io: Server, other: Server) => unknown, options: object = {}) {
  const cluster = await startCluster(bus, [make, make], options);
  const [one, two] = cluster.nodes;
  const clients: Socket[] = [];
  for (const { url } of [one, two, one, two]) clients.push(await clientOf(url));
  const heard = clients.map((): unknown[][] => []);
  clients.forEach((client, index) => {
    client.onAny((...args: unknown[]) => heard[index]?.push(args.filter((arg) => typeof arg !== "function")));
    client.on("q", (_x: unknown, done?: (answer: unknown) => void) => done?.({ client: index }));
  });
  one.io.in(clients[0]!.id!).socketsJoin(["red", "even"]);
  one.io.in(clients[1]!.id!).socketsJoin(["red", "odd"]);
  one.io.in(clients[2]!.id!).socketsJoin("even");
  await within(membersOf(one.io, "red", 2), "the sockets to join");
  const result = await program(one.io, two.io);
  const ended = clients.map((client) => nextEvent(client, "end"));
  one.io.emit("end");
  await Promise.all(ended);
  for (const client of clients) client.disconnect();
  await cluster.stop();
  return { heard, result };
}

async function membersOf(io: Server, room: string, count: number): Promise<void> {
  for (;;) if ((await io.in(room).fetchSockets()).length === count) return;
}

const PROGRAMS: Record<string, (io: Server, other: Server) => unknown> = {
  "rooms and exceptions": (io) => {
    io.to("red").emit("a", 1);
    io.to("red")
      .except("odd")
      .emit("b", { two: [2] });
    io.to(["red", "even"]).emit("c", null, "text", true);
    io.except(["even", "odd"]).emit("d");
    io.compress(false).emit("e", -0, 1e21);
  },
  // Apart, because socket.io delivers other broadcasts only after it has published them.
  "local broadcasts": (io, other) => {
    io.local.emit("a");
    other.to("red").local.emit("b");
  },
  "bytes, dates and objects": (io) => {
    io.emit("a", Buffer.from([1, 2]), { deep: { bytes: [new Uint8Array([3])] } });
    io.emit("b", new Date(0), { x: undefined, y: [undefined, NaN] });
    io.emit("c", '\u{1f600} \u2028 \\ "');
  },
  "answers of servers": async (io, other) => {
    other.on("sum", (x: number, y: number, done: (sum: unknown) => void) => done({ sum: x + y }));
    const answers = await io.serverSideEmitWithAck("sum", 1, 2);
    return answers;
  },
  "answers of clients": async (io) => {
    const all = (await io.timeout(5000).emitWithAck("q", 1)) as Array<{ client: number }>;
    const some = (await io.to("red").except("even").timeout(5000).emitWithAck("q", 1)) as unknown[];
    return { all: all.map(({ client }) => client).sort((x, y) => x - y), some };
  },
  "sockets of both": async (io) => {
    const sockets = await io.in("even").fetchSockets();
    const remote = (await io.in("odd").fetchSockets())[0]!;
    remote.emit("to one", Buffer.from("b"));
    return [sockets.length, remote.rooms.size, typeof remote.handshake.time, remote.data];
  },
};

describe("the same program on both libraries has the same outcome:", () => {
  test.each(Object.entries(PROGRAMS))("%s", async (_name, program) => {
    const ours = await outcome(local(), portage, program);
    const theirs = await outcome(inMemory(), reference, program);
    expect(ours).toEqual(theirs);
  });
});
