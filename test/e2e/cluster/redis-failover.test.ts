import type { Socket as ServerSocket } from "@portage/server";
import { Redis } from "ioredis";
import { io as connect, type Socket } from "socket.io-client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Relay } from "../../support/cluster/relay.ts";
import { ownRedis } from "../../support/servers/redis.ts";
import type { TestServer } from "../../support/servers/server-process.ts";
import { nextEvent } from "../../support/waiting.ts";
import { type Node, Nodes, until } from "./nodes.ts";

const [first, second] = [await ownRedis(), await ownRedis()];
const portIn = (url: string): number => Number(new URL(url).port);

/** Redis, its replica, and the address of the one in service. */
class Pair {
  readonly relays: Relay[] = [];
  readonly main = new Redis(first!.url, { lazyConnect: true });
  readonly replica = new Redis(second!.url, { lazyConnect: true });
  readonly #servers: TestServer[];

  private constructor(servers: TestServer[]) {
    this.#servers = servers;
  }

  static async start(): Promise<Pair> {
    const pair = new Pair(await Promise.all([first!.start(), second!.start()]));
    await pair.replica.replicaof("127.0.0.1", portIn(first!.url));
    for (let isUp = false; !isUp;) isUp = (await pair.replica.info("replication")).includes("master_link_status:up");
    return pair;
  }

  async address(): Promise<Relay> {
    const relay = await Relay.to(portIn(first!.url));
    this.relays.push(relay);
    return relay;
  }

  /** The replica has all that Redis has, and gets nothing more. */
  async part(): Promise<void> {
    await this.main.wait(1, 5000);
    await this.replica.replicaof("NO", "ONE");
  }

  /** The replica serves. */
  failOver(): void {
    for (const relay of this.relays) {
      relay.cut();
      relay.port = portIn(second!.url);
      relay.mend();
    }
  }

  async stop(): Promise<void> {
    for (const relay of this.relays) relay.close();
    this.main.disconnect();
    this.replica.disconnect();
    await Promise.all(this.#servers.map((server) => server.stop()));
  }
}

let pair: Pair;
let all: Nodes[] = [];
let client: Socket | undefined;
beforeEach(async () => {
  if (first !== undefined && second !== undefined) pair = await Pair.start();
});
afterEach(async () => {
  client?.disconnect();
  await Promise.all(all.map((nodes) => nodes.stop()));
  all = [];
  await pair?.stop();
});

const urlOf = ({ io }: Node): string => `http://127.0.0.1:${(io.httpServer.address() as { port: number }).port}`;

/** Returns the number of the last event that a node has delivered; -1: it has not joined the log. */
function deliveredAt({ io }: Node): number {
  const { events } = io.of("/").adapter as unknown as {
    readonly events: { readonly delivered?: { readonly number: number } };
  };
  return events.delivered?.number ?? -1;
}

/** Starts a node with an address of its own for Redis. */
async function startNode(): Promise<Node> {
  const nodes = new Nodes((await pair.address()).url, all[0]?.name);
  all.push(nodes);
  const node = await nodes.start({}, { connectionStateRecovery: {} });
  await until(() => deliveredAt(node) >= 0, "the log");
  return node;
}

async function connectTo(node: Node): Promise<unknown[]> {
  const heard: unknown[] = [];
  client = connect(urlOf(node), { transports: ["websocket"], reconnectionDelay: 10, reconnectionDelayMax: 10 });
  client.on("n", (number: unknown) => heard.push(number));
  await nextEvent(client, "connect");
  return heard;
}

async function moveTo(node: Node, meanwhile: () => unknown): Promise<ServerSocket> {
  Object.assign(client!.io, { uri: urlOf(node) });
  const served = new Promise<ServerSocket>((resolve) => node.io.once("connection", resolve));
  const gone = nextEvent(client!, "disconnect");
  client!.io.engine.close();
  await gone;
  await meanwhile();
  const socket = await served;
  await until(() => client!.connected, "the client to connect");
  return socket;
}

const epochOf = async (redis: Redis): Promise<string> => (await redis.hkeys(`${all[0]!.name}:{/}:p`)).join();

describe.skipIf(first === undefined || second === undefined)("a replica takes the place of Redis", () => {
  test.each([
    ["with all events", 0],
    ["without the last ones", 3],
  ])("%s: no client is recovered with a gap", async (_name, lost) => {
    const [a, b] = [await startNode(), await startNode()];
    const heard = await connectTo(a);
    a.io.emit("n", 1);
    await until(() => heard.length === 1, "the first event");
    await pair.part();
    const before = await epochOf(pair.replica);
    for (let n = 2; n < 2 + lost; n++) b.io.emit("n", n);
    await until(() => heard.length === 1 + lost, "the last events");
    const socket = await moveTo(b, () => {
      pair.failOver();
      a.io.emit("n", 10);
    });
    if (lost > 0) expect(socket.recovered).toBe(false);
    if (!socket.recovered) expect(socket.recoveryError?.code).toBe("RECOVERY_EPOCH");
    b.io.emit("n", 11);
    await until(() => heard.includes(11), "a later event");
    if (socket.recovered) await until(() => heard.includes(10), "an event from before the return");
    expect(new Set(heard).size).toBe(heard.length);
    expect(await epochOf(pair.replica)).not.toBe(before);
  });

  test("a client does not resume at a replica before a node has asked it for the position", async () => {
    const [a, b] = [await startNode(), await startNode()];
    const heard = await connectTo(a);
    a.io.emit("n", 1);
    await until(() => heard.length === 1, "the first event");
    await pair.part();
    // The other node has not heard of the lost events, and does not follow the log of the replica.
    const [, relay] = pair.relays;
    relay!.cut();
    relay!.port = portIn(second!.url);
    await pair.replica.call("ACL", "SETUSER", "default", "-subscribe");
    const before = await epochOf(pair.replica);
    const socket = await moveTo(b, async () => {
      a.io.emit("n", 2);
      await until(() => deliveredAt(a) === 2, "the event at the other node");
      relay!.mend();
    });
    expect(await epochOf(pair.replica)).toBe(before);
    expect([socket.recovered, socket.recoveryError?.code]).toEqual([false, "RECOVERY_EPOCH"]);
  });

  test("and the numbers of lost events, which its only witness has delivered, are not given out again", async () => {
    const [a, b] = [await startNode(), await startNode()];
    const heard = await connectTo(a);
    a.io.emit("n", 1);
    await until(() => heard.length === 1, "the first event");
    await pair.part();
    // The other node does not hear the last events.
    const [, relay] = pair.relays;
    relay!.cut();
    for (const n of [2, 3]) a.io.emit("n", n);
    await until(() => heard.length === 3, "the last events");
    relay!.port = portIn(second!.url);
    relay!.mend();
    for (const n of [12, 13, 14]) b.io.emit("n", n);
    await until(() => deliveredAt(b) >= 3, "the events of the other node");
    const socket = await moveTo(b, () => undefined);
    expect([socket.recovered, socket.recoveryError?.code]).toEqual([false, "RECOVERY_EPOCH"]);
  });
});
