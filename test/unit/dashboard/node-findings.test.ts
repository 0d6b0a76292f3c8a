import type { Server } from "@portage/server";
import { describe, expect, onTestFinished, test } from "vitest";
import { kEngineClock } from "../../../packages/server/src/engine/index.ts";
import { createCluster } from "../../../packages/server/src/dashboard/cluster-view.ts";
import { Core } from "../../../packages/server/src/dashboard/core.ts";
import { findingsToReport, readFindings } from "../../../packages/server/src/dashboard/node-findings.ts";
import type { Finding } from "../../../packages/server/src/dashboard/wire.ts";
import { FakeClock } from "../support/fake-clock.ts";

const finding = (code: string, subject: string, more: Partial<Finding> = {}): Finding => ({
  code,
  subject,
  level: "problem",
  sentence: `${subject} is at fault.`,
  advice: "Look at it.",
  since: 1000,
  ...more,
});

type AnswerQuestion = (question: unknown) => unknown;

/** Nodes with a live page each, on one clock. Questions arrive at once. */
class FakeNodes {
  readonly clock = new FakeClock();
  readonly cores = new Map<string, Core>();
  /** What the pages of a node show. */
  readonly shown = new Map<string, readonly Finding[]>();
  readonly viewers = new Map<string, number>();
  readonly silent = new Set<string>();
  /** Questions to each node. */
  readonly asked = new Map<string, number>();

  constructor(...tags: string[]) {
    for (const tag of tags) this.#add(tag, tags);
  }

  #add(own: string, tags: readonly string[]): void {
    const answers = new Map<string, AnswerQuestion>();
    const cluster = {
      tag: own,
      nodes: () => tags.map((tag) => ({ tag, state: "up", since: 0, sessions: 0, via: tag === own ? "self" : "link" })),
      questions: {
        ask: (tag: string, topic: string, question: unknown) => this.#ask(tag, topic, question),
        answer: (topic: string, fn: AnswerQuestion) => (answers.set(topic, fn), () => answers.delete(topic)),
      },
    };
    const stats = () => ({ sessions: { open: 0 }, loop: { lag: 0 } });
    const io = { [kEngineClock]: this.clock, cluster, stats, answers } as unknown as Server;
    const core = new Core(io, {} as never, {
      tick: () => undefined,
      findings: (findings) => void this.shown.set(own, findings),
      viewers: () => this.viewers.get(own) ?? 0,
    });
    createCluster(core);
    core.start();
    // It listens to the channels of the process, which other test files share.
    onTestFinished(() => core.stop());
    this.cores.set(own, core);
  }

  async #ask(tag: string, topic: string, question: unknown): Promise<unknown> {
    this.asked.set(tag, (this.asked.get(tag) ?? 0) + 1);
    if (this.silent.has(tag)) return undefined;
    const { answers } = this.cores.get(tag)!.io as unknown as { answers: Map<string, AnswerQuestion> };
    const answer = await answers.get(topic)?.(question);
    return answer === undefined ? undefined : JSON.parse(JSON.stringify(answer));
  }

  async pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second += 1) {
      this.clock.advance(1000);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  namesAt(tag: string): string[] {
    return (this.shown.get(tag) ?? []).map(({ node = "own", code, subject }) => `${node}: ${code} ${subject}`);
  }
}

describe("a page of one of three nodes", () => {
  test("shows the findings of all, with the names of the others", async () => {
    const nodes = new FakeNodes("a", "b", "c");
    nodes.viewers.set("a", 1);
    nodes.cores.get("a")!.showFindings([finding("GROWS", "rooms")]);
    nodes.cores.get("b")!.showFindings([finding("HOT_CLIENT", "eve", { level: "warning", link: "#/connection/h1" })]);
    nodes.cores.get("c")!.showFindings([finding("SLOW_CLIENTS", "ada", { link: "#/connections?slow=yes" })]);
    await nodes.pass(2);
    expect(nodes.namesAt("a")).toEqual(["own: GROWS rooms", "c: SLOW_CLIENTS ada", "b: HOT_CLIENT eve"]);
    expect(nodes.shown.get("a")!.map(({ link }) => link)).toEqual([
      undefined,
      "#/connections?slow=yes&node=c",
      undefined,
    ]);
    nodes.cores.get("c")!.showFindings([]);
    await nodes.pass(5);
    expect(nodes.namesAt("a")).toEqual(["own: GROWS rooms", "b: HOT_CLIENT eve"]);
  });

  test("asks every five seconds while it is open, and makes the others look as for a viewer", async () => {
    const nodes = new FakeNodes("a", "b", "c");
    const isWatched = () => ["a", "b", "c"].filter((tag) => nodes.cores.get(tag)!.isWatched());
    nodes.cores.get("b")!.showFindings([finding("GROWS", "rooms")]);
    await nodes.pass(10);
    expect([nodes.asked.size, isWatched()]).toEqual([0, []]);
    nodes.viewers.set("a", 1);
    await nodes.pass(20);
    // The other nodes do not ask, as a page is open here alone.
    expect([...nodes.asked]).toEqual([
      ["b", 4],
      ["c", 4],
    ]);
    expect(isWatched()).toEqual(["a", "b", "c"]);
    nodes.viewers.set("a", 0);
    await nodes.pass(15);
    expect([nodes.asked.get("b"), isWatched(), nodes.namesAt("a")]).toEqual([4, [], []]);
  });

  test("shows findings of a node without an answer for 15 seconds", async () => {
    const nodes = new FakeNodes("a", "b");
    nodes.viewers.set("a", 1);
    nodes.cores.get("b")!.showFindings([finding("LOOP_LATE", "event loop")]);
    await nodes.pass(1);
    const at = Date.now();
    const real = Date.now;
    nodes.silent.add("b");
    try {
      Date.now = () => at + 10_000;
      await nodes.pass(5);
      expect(nodes.namesAt("a")).toEqual(["b: LOOP_LATE event loop"]);
      Date.now = () => at + 20_000;
      await nodes.pass(5);
      expect(nodes.namesAt("a")).toEqual([]);
    } finally {
      Date.now = real;
    }
  });

  test("shows a silent node once", async () => {
    const nodes = new FakeNodes("a", "b", "c");
    nodes.viewers.set("a", 1);
    for (const core of nodes.cores.values()) core.showFindings([finding("NODE_SILENT", "d")]);
    await nodes.pass(1);
    expect(nodes.namesAt("a")).toEqual(["own: NODE_SILENT d"]);
    nodes.cores.get("a")!.showFindings([]);
    expect(nodes.namesAt("a")).toEqual(["b: NODE_SILENT d"]);
  });
});

test("a page reads findings alone from a node of another version", () => {
  const odd = [
    null,
    7,
    { code: "X" },
    { ...finding("X", "y"), since: "then" },
    { ...finding("X", "y"), level: "dire" },
  ];
  expect(readFindings("b", [...odd, { ...finding("NEWER", "z", { link: "https://x" }), more: 1 }])).toEqual([
    finding("NEWER", "z", { node: "b" }),
  ]);
  for (const answer of [undefined, "x", {}]) expect(readFindings("b", answer)).toEqual([]);
});

describe("a node answers with", () => {
  const many = Array.from({ length: 40 }, (_, i) =>
    finding("HOT_ROOM", `room ${i}`, {
      level: i < 35 ? "warning" : "problem",
      sentence: "ü".repeat(i === 36 ? 9000 : 300),
    }),
  );

  test("its ten worst findings, within 7,000 bytes", () => {
    const reported = findingsToReport(many);
    expect(reported.map(({ subject }) => subject).slice(0, 4)).toEqual(["room 35", "room 37", "room 38", "room 39"]);
    expect(reported.length).toBeLessThanOrEqual(10);
    expect(Buffer.byteLength(JSON.stringify(reported))).toBeLessThan(7100);
  });

  test("sentences, without the figures of a table", () => {
    // oxlint-disable-next-line unicorn/no-thenable -- figures of a finding are a then and a now, which are not functions
    const figures = [{ label: "rooms", then: 1, now: 2, unit: "count" }] as const;
    expect(findingsToReport([finding("GROWS", "rooms", { figures })])).toEqual([finding("GROWS", "rooms")]);
  });
});
