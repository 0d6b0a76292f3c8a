import { describe, expect, test } from "vitest";
import { type KeepingAdapter, kWhenTaken } from "@portage/server/relay";
import { AnswerWindow } from "../../../packages/server/src/socketio/recovery/answers.ts";
import { LateAnswers } from "../../../packages/cluster/src/adapter/late-answers.ts";
import { type Peer, settle } from "../socketio/peer.ts";
import { ClusterBench, type TestNode } from "./adapter-cluster-bench.ts";

type Acknowledge = (...args: unknown[]) => void;

/** Nodes whose listeners answer when the test wants it, and a client that repeats events. */
class Nomad {
  readonly cluster: ClusterBench;
  /** The nodes at which listeners have got an event, and how they answer. */
  readonly heard: [tag: string, acknowledge: Acknowledge][] = [];
  peer!: Peer;
  #pid: string | undefined;

  constructor(tags: readonly string[]) {
    this.cluster = new ClusterBench(tags, { connectionStateRecovery: {} });
    for (const { io, tag } of this.cluster.nodes) {
      io.on("connection", (socket) => {
        socket.on("order", (acknowledge: Acknowledge) => this.heard.push([tag, acknowledge]));
        socket.on("fail", async (acknowledge: Acknowledge) => {
          await new Promise((resolve) => this.heard.push([tag, resolve]));
          if (this.heard.length === 1) throw new Error("the database is away");
          acknowledge("done");
        });
      });
    }
  }

  /** Loses its connection, comes to a node, and returns whether its session was resumed. */
  async come(node: TestNode): Promise<boolean> {
    this.peer?.transport.lose();
    this.peer = node.bench.peer();
    await this.peer.say(`0${JSON.stringify({ retries: 3, pid: this.#pid })}`);
    let answer: string | undefined;
    while (answer === undefined) answer = (await this.peer.hear()).map(String).find((text) => text.startsWith("0{"));
    const { pid } = JSON.parse(answer.slice(1)) as { pid: string };
    const isResumed = pid === this.#pid;
    this.#pid = pid;
    return isResumed;
  }

  get tags(): string[] {
    return this.heard.map(([tag]) => tag);
  }
}

const nodesOf = ({ cluster }: Nomad): [TestNode, TestNode, TestNode] => cluster.nodes as [TestNode, TestNode, TestNode];

describe("an event that is repeated at another node", () => {
  test("is answered from what the first node has remembered", async () => {
    const nomad = new Nomad(["aaaa", "bbbb"]);
    const [one, two] = nodesOf(nomad);
    await nomad.come(one);
    await nomad.peer.say('20["order"]');
    nomad.heard[0]?.[1]("boat", Buffer.from([1, 2]));
    expect(await nomad.come(two)).toBe(true);
    await nomad.peer.say('20["order"]');
    expect(await nomad.peer.hear()).toEqual(['61-0["boat",{"_placeholder":true,"num":0}]', Buffer.from([1, 2])]);
    expect(nomad.tags).toEqual(["aaaa"]);
  });

  test("is answered by the listener that runs at the first node, also two nodes later", async () => {
    const nomad = new Nomad(["aaaa", "bbbb", "cccc"]);
    const [one, two, three] = nodesOf(nomad);
    await nomad.come(one);
    await nomad.peer.say('20["order"]');
    expect(await nomad.come(two)).toBe(true);
    await nomad.peer.say('20["order"]');
    expect(await nomad.come(three)).toBe(true);
    await nomad.peer.say('20["order"]');
    expect([await nomad.peer.hear(), nomad.tags]).toEqual([[], ["aaaa"]]);
    nomad.heard[0]?.[1]("boat");
    await settle();
    expect(await nomad.peer.hear()).toEqual(['30["boat"]']);
    await nomad.peer.say('20["order"]');
    expect([await nomad.peer.hear(), nomad.tags]).toEqual([['30["boat"]'], ["aaaa"]]);
  });

  test("runs again if the listener at the first node fails", async () => {
    const nomad = new Nomad(["aaaa", "bbbb"]);
    const [one, two] = nodesOf(nomad);
    await nomad.come(one);
    await nomad.peer.say('20["fail"]');
    expect(await nomad.come(two)).toBe(true);
    await nomad.peer.say('20["fail"]');
    expect(nomad.tags).toEqual(["aaaa"]);
    nomad.heard[0]?.[1]();
    await settle();
    await settle();
    await nomad.peer.say('20["fail"]');
    expect(nomad.tags).toEqual(["aaaa", "bbbb"]);
    nomad.heard[1]?.[1]();
    await settle();
    expect(await nomad.peer.hear()).toEqual(['30["done"]']);
  });

  test("runs again if the first node is lost before its listener has answered", async () => {
    const nomad = new Nomad(["aaaa", "bbbb"]);
    const [one, two] = nodesOf(nomad);
    await nomad.come(one);
    await nomad.peer.say('20["order"]');
    expect(await nomad.come(two)).toBe(true);
    nomad.cluster.mesh.kill("aaaa");
    await nomad.peer.say('20["order"]');
    expect(nomad.tags).toEqual(["aaaa", "bbbb"]);
  });
});

describe("a node that leaves", () => {
  /** Begins to wait; `isOver` moves the clock on, and returns whether the waiting has ended. */
  function leave({ io, bench }: TestNode) {
    let state: "waiting" | "over" = "waiting";
    void (io.of("/").adapter as unknown as KeepingAdapter)[kWhenTaken](1000).then(() => (state = "over"));
    return async (ms: number): Promise<boolean> => {
      bench.clock.advance(ms);
      await settle();
      return state === "over";
    };
  }

  test("waits until its sessions are taken and its listeners have answered", async () => {
    const nomad = new Nomad(["aaaa", "bbbb"]);
    const [one, two] = nodesOf(nomad);
    await nomad.come(one);
    await nomad.peer.say('20["order"]');
    nomad.peer.transport.lose();
    const isOver = leave(one);
    expect(await isOver(100)).toBe(false);
    expect(await nomad.come(two)).toBe(true);
    expect(await isOver(100)).toBe(false);
    nomad.heard[0]?.[1]();
    expect(await isOver(100)).toBe(true);
  });

  test("waits no longer than it has time, and not without other nodes", async () => {
    const nomad = new Nomad(["aaaa", "bbbb"]);
    const [one, two] = nodesOf(nomad);
    await nomad.come(one);
    nomad.peer.transport.lose();
    const isOver = leave(one);
    expect([await isOver(990), await isOver(20)]).toEqual([false, true]);
    nomad.cluster.mesh.kill(two.tag);
    expect(await leave(one)(0)).toBe(true);
  });
});

describe("answers that arrive", () => {
  const bus = { tag: "bbbb", nodes: () => ["aaaa"], send: () => true } as never;

  test("before their session is taken are kept, a hundred of them", () => {
    const late = new LateAnswers("/", bus);
    for (let id = 0; id < 150; id++) late.receive({ pid: id === 149 ? "mine" : "other", id }, ["answer"]);
    expect(late.pending).toBe(100);
    const window = late.take("mine", "aaaa", [[149]]);
    expect(window?.record()).toEqual([[149, "answer"]]);
    expect(late.pending).toBe(99);
  });

  test("are not waited for once their node is lost", () => {
    const late = new LateAnswers("/", bus);
    late.take("mine", "aaaa", [[1]]);
    expect(late.pending).toBe(1);
    late.lose("cccc");
    expect(late.pending).toBe(1);
    late.lose("aaaa");
    expect(late.pending).toBe(0);
  });

  test("a session with a malformed record begins without one", () => {
    const late = new LateAnswers("/", bus);
    expect([late.take("mine", "aaaa", [["x"]]), late.take("mine", "aaaa", undefined), late.pending]).toEqual([
      undefined,
      undefined,
      0,
    ]);
  });
});

describe("listeners that never answer", () => {
  const create = (): LateAnswers => new LateAnswers("/", { nodes: () => ["aaaa"], send: () => true } as never);
  const FIRST = 7;

  test("keep the windows of 10,000 sessions that were given, at most", () => {
    const late = create();
    const windows = Array.from({ length: 10_001 }, () => new AnswerWindow());
    for (const [index, window] of windows.entries()) {
      const event: unknown[] = ["order"];
      window.accept(FIRST, event);
      window.begin(event);
      late.give(`pid ${index}`, "bbbb", window);
    }
    expect(late.areAwaited).toBe(true);
    for (const window of windows.slice(1)) window.answer(FIRST, ["done"]);
    expect(late.areAwaited).toBe(false);
  });

  test("keep the windows of 10,000 sessions that were taken, at most: events of the others are new", () => {
    const late = create();
    const windows = Array.from({ length: 10_001 }, (_, index) => late.take(`pid ${index}`, "aaaa", [[FIRST]]));
    expect(late.pending).toBe(10_000);
    expect(windows.slice(0, 2).map((window) => window?.accept(FIRST, []))).toEqual([true, false]);
  });
});
