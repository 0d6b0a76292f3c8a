import { describe, expect, test } from "vitest";
import { type KeepingAdapter, kWhenTaken } from "@portage/server/relay";
import { type Peer, settle } from "../../socketio/peer.ts";
import { type RecoveryBench, type RecoveryNode, startNodes } from "./recovery-bench.ts";

type Acknowledge = (...args: unknown[]) => void;

/** Nodes with one store, and a client. Listeners answer when the test wants it. */
class Repeater {
  readonly bench: RecoveryBench;
  /** For each event of a listener: its node, and how it answers. */
  readonly heard: [tag: string, acknowledge: Acknowledge][] = [];
  peer!: Peer;
  #pid: string | undefined;

  constructor(bench: RecoveryBench) {
    this.bench = bench;
    for (const { io, tag } of bench.nodes) {
      io.on("connection", (socket) => {
        socket.on("order", (acknowledge: Acknowledge) => this.heard.push([tag, acknowledge]));
      });
    }
  }

  /** Loses its connection, comes to a node, and returns whether its session was resumed. */
  async come(node: RecoveryNode): Promise<boolean> {
    this.peer?.transport.lose();
    this.peer = node.bench.peer();
    await this.peer.say(`0${JSON.stringify({ retries: 3, pid: this.#pid })}`);
    let answer: string | undefined;
    for (let i = 0; answer === undefined; i++) {
      if (i > 1000) throw new Error("the client was not answered");
      this.bench.pass(1);
      answer = (await this.peer.hear()).map(String).find((text) => text.startsWith("0{"));
    }
    const { pid } = JSON.parse(answer.slice(1)) as { pid: string };
    const isResumed = pid === this.#pid;
    this.#pid = pid;
    await this.bench.rest();
    return isResumed;
  }

  get tags(): string[] {
    return this.heard.map(([tag]) => tag);
  }
}

async function start(...tags: string[]): Promise<[Repeater, ...RecoveryNode[]]> {
  const bench = await startNodes(...tags);
  return [new Repeater(bench), ...bench.nodes];
}

describe("an event whose listener runs while its session moves over a store", () => {
  test("is answered at the next node, also two nodes later", async () => {
    const [client, one, two, three] = await start("aaaa", "bbbb", "cccc");
    await client.come(one!);
    await client.peer.say('20["order"]');
    expect(await client.come(two!)).toBe(true);
    await client.peer.say('20["order"]');
    expect(await client.come(three!)).toBe(true);
    await client.peer.say('20["order"]');
    expect([await client.peer.hear(), client.tags]).toEqual([[], ["aaaa"]]);
    client.heard[0]?.[1]("boat");
    await settle();
    expect(await client.peer.hear()).toEqual(['30["boat"]']);
    await client.peer.say('20["order"]');
    expect([await client.peer.hear(), client.tags]).toEqual([['30["boat"]'], ["aaaa"]]);
  });

  test("is answered from the record if the listener answers before the client returns", async () => {
    const [client, one, two] = await start("aaaa", "bbbb");
    await client.come(one!);
    await client.peer.say('20["order"]');
    client.peer.transport.lose();
    await client.bench.rest();
    client.heard[0]?.[1]("boat");
    await client.bench.rest();
    client.bench.kill(one!);
    expect(await client.come(two!)).toBe(true);
    await client.peer.say('20["order"]');
    expect([await client.peer.hear(), client.tags]).toEqual([['30["boat"]'], ["aaaa"]]);
  });

  test("is answered if the client returns to the same node", async () => {
    const [client, one] = await start("aaaa", "bbbb");
    await client.come(one!);
    await client.peer.say('20["order"]');
    client.peer.transport.lose();
    await client.bench.rest();
    expect(await client.come(one!)).toBe(true);
    await client.peer.say('20["order"]');
    client.heard[0]?.[1]("boat");
    expect([await client.peer.hear(), client.tags]).toEqual([['30["boat"]'], ["aaaa"]]);
  });

  test("runs again if the first node is lost before its listener has answered", async () => {
    const [client, one, two] = await start("aaaa", "bbbb");
    await client.come(one!);
    await client.peer.say('20["order"]');
    expect(await client.come(two!)).toBe(true);
    client.bench.kill(one!);
    await client.peer.say('20["order"]');
    expect(client.tags).toEqual(["aaaa", "bbbb"]);
  });
});

test("a node waits at its end until its listeners have answered", async () => {
  const [client, one, two] = await start("aaaa", "bbbb");
  const adapter = one!.io.of("/").adapter as unknown as KeepingAdapter;
  await client.come(one!);
  await client.peer.say('20["order"]');
  client.peer.transport.lose();
  await client.bench.rest();
  let state: "waiting" | "over" = "waiting";
  void adapter[kWhenTaken](10_000).then(() => (state = "over"));
  await client.bench.rest();
  expect(await client.come(two!)).toBe(true);
  expect(state).toBe("waiting");
  client.heard[0]?.[1]("boat");
  await client.bench.rest();
  expect(state).toBe("over");
});

test("a node waits at its end until the last records of its sessions are written, or taken", async () => {
  const [client, one, two] = await start("aaaa", "bbbb");
  const adapter = one!.io.of("/").adapter as unknown as KeepingAdapter;
  one!.io.on("connection", (socket) => socket.on("rename", (name: string) => (socket.data = { name })));
  await client.come(one!);
  await client.peer.say('2["rename","boat"]');
  client.peer.transport.lose();
  await settle();
  let state: "waiting" | "over" = "waiting";
  void adapter[kWhenTaken](10_000).then(() => (state = "over"));
  await settle();
  expect(state).toBe("waiting");
  await client.bench.rest();
  expect(state).toBe("over");
  client.bench.kill(one!);
  const names: unknown[] = [];
  two!.io.on("connection", ({ data }) => names.push(data));
  expect(await client.come(two!)).toBe(true);
  expect(names).toEqual([{ name: "boat" }]);
});
