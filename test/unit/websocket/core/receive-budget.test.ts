import { describe, expect, it } from "vitest";
import { limitsOf } from "../../../../packages/websocket/src/core/limits.ts";
import { type BudgetHolder, ReceiveBudget } from "../../../../packages/websocket/src/core/receive-budget.ts";
import { Random } from "../../../support/random.ts";
import { frame } from "../../../support/raw/frames.ts";
import { allSplits, feed, Recorder } from "../recorder.ts";

/** A budget of 100 bytes, and three holders. */
function setUp() {
  const budget = new ReceiveBudget(100);
  const given: string[] = [];
  const [a, b, c] = ["a", "b", "c"].map((name): BudgetHolder => ({ onEvicted: () => void given.push(name) })) as [
    BudgetHolder,
    BudgetHolder,
    BudgetHolder,
  ];
  return { budget, given, a, b, c };
}

describe("a budget", () => {
  it("evicts the holders that have been idle the longest", () => {
    const { budget, given, a, b, c } = setUp();
    budget.update(a, 40);
    budget.update(b, 40);
    budget.update(a, 50);
    budget.update(c, 10);
    expect([budget.held, given]).toEqual([100, []]);
    budget.update(c, 40);
    expect([budget.held, given]).toEqual([90, ["b"]]);
    budget.update(c, 240);
    expect([budget.held, given]).toEqual([0, ["b", "a", "c"]]);
  });

  it("does not count complete holders", () => {
    const { budget, given, a, b } = setUp();
    budget.update(a, 60);
    budget.remove(a);
    budget.remove(a);
    budget.update(b, 100);
    expect([budget.held, given]).toEqual([100, []]);
  });

  it("allows remove() of the next holder while it evicts", () => {
    const { budget, given, a, b, c } = setUp();
    const both: BudgetHolder = {
      onEvicted() {
        given.push("both");
        budget.remove(b);
      },
    };
    budget.update(both, 30);
    budget.update(b, 40);
    budget.update(a, 10);
    budget.update(c, 80);
    expect([budget.held, given]).toEqual([90, ["both"]]);
  });

  it.each([1, 2, 3])("evicts in the order of a Map, whatever comes and goes (seed %i)", (seed) => {
    const random = new Random(seed);
    const budget = new ReceiveBudget(100);
    const given: number[] = [];
    const expected: number[] = [];
    const bytesOf = new Map<number, number>();
    const held = () => [...bytesOf.values()].reduce((sum, bytes) => sum + bytes, 0);
    const holders = Array.from({ length: 8 }, (_, name): BudgetHolder => ({ onEvicted: () => void given.push(name) }));
    for (let step = 0; step < 2000; step += 1) {
      const name = random.below(holders.length);
      const bytes = random.below(40);
      bytesOf.delete(name);
      if (random.below(3) === 0) budget.remove(holders[name]!);
      else {
        bytesOf.set(name, bytes);
        for (const idle of bytesOf.keys()) {
          if (held() <= 100) break;
          bytesOf.delete(idle);
          expected.push(idle);
        }
        budget.update(holders[name]!, bytes);
      }
      expect(budget.held).toBe(held());
    }
    expect(given).toEqual(expected);
    expect(given.length).toBeGreaterThan(100);
  });
});

const MESSAGE = Buffer.concat([
  frame({ opcode: 1, payload: "first ", fin: false }),
  frame({ opcode: 9, payload: "p" }),
  frame({ opcode: 0, payload: "second", fin: false }),
  frame({ opcode: 0, payload: "" }),
]);

describe("a connection with a budget", () => {
  it("counts nothing once its message is complete, wherever its bytes are cut", () => {
    const budget = new ReceiveBudget(1e6);
    for (const chunks of allSplits(MESSAGE)) {
      const recorder = new Recorder("server", limitsOf({ budget }));
      feed(recorder.connection, chunks);
      expect(recorder.take()).toEqual(["ping p", "text first second"]);
      expect(budget.held).toBe(0);
    }
  });

  it.each([
    ["is given up", (recorder: Recorder) => recorder.connection.abort()],
    ["loses its stream", (recorder: Recorder) => recorder.connection.receiveEnd()],
    [
      "breaks a rule",
      (recorder: Recorder) => feed(recorder.connection, [frame({ opcode: 0, payload: Buffer.alloc(200_000) })]),
    ],
    ["gets a close frame", (recorder: Recorder) => feed(recorder.connection, [frame({ opcode: 8 })])],
  ])("counts nothing once it %s", (_how, end) => {
    const budget = new ReceiveBudget(1e6);
    const recorder = new Recorder("server", limitsOf({ budget, maxPayload: 100_000 }));
    feed(recorder.connection, [frame({ opcode: 2, payload: Buffer.alloc(70_000), fin: false })]);
    expect(budget.held).toBeGreaterThanOrEqual(70_000);
    end(recorder);
    expect(budget.held).toBe(0);
  });

  it("is ended with 1013 when the budget is full, and the others go on", () => {
    const budget = new ReceiveBudget(20_000);
    const [first, second] = [1, 2].map(() => new Recorder("server", limitsOf({ budget }))) as [Recorder, Recorder];
    const half = frame({ opcode: 2, payload: Buffer.alloc(12_000), fin: false });
    feed(first.connection, [half]);
    feed(second.connection, [half]);
    expect(first.take()).toEqual(["failed 1013 WS_ERR_RECEIVE_BUDGET"]);
    expect(second.take()).toEqual([]);
    feed(second.connection, [frame({ opcode: 0, payload: "" })]);
    expect(second.take()[0]).toMatch(/^binary 00/);
    expect(budget.held).toBe(0);
  });

  it("is ended itself when its own message exceeds the budget", () => {
    const recorder = new Recorder("server", limitsOf({ budget: new ReceiveBudget(20_000) }));
    const rest = Buffer.concat([frame({ opcode: 0, payload: "x" }), frame({ opcode: 1, payload: "next" })]);
    feed(recorder.connection, [
      Buffer.concat([frame({ opcode: 2, payload: Buffer.alloc(30_000), fin: false }), rest]),
      rest,
    ]);
    expect(recorder.take()).toEqual(["failed 1013 WS_ERR_RECEIVE_BUDGET"]);
  });
});
