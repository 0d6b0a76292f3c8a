import { expect, test } from "vitest";
import { BusAdapter } from "../../../packages/cluster/src/adapter/bus-adapter.ts";
import { Bench, settle } from "../socketio/peer.ts";
import { Mesh } from "./adapter-mesh.ts";

/** An adapter that has a record for one session. */
class Giver extends BusAdapter {
  protected override giveRecord(pid: string, term: string): Buffer | undefined {
    if (pid === "failing") throw new Error("no record");
    return pid === "known" && term === "term" ? Buffer.from([0, 1, 255]) : undefined;
  }

  take(tag: string, pid: string): Promise<Buffer | undefined> {
    return this.askRecord({ tag, term: "term" }, pid);
  }
}

function pair(mesh = new Mesh()) {
  const [one, two] = ["aaaa", "bbbb"].map((tag) => {
    const bus = mesh.add(tag);
    let made: Giver | undefined;
    const bench = new Bench({ adapter: (nsp: unknown) => (made = new Giver(nsp, bus)) });
    const failures: unknown[] = [];
    bench.io.on("handler_error", (error) => failures.push(error));
    return { adapter: made!, bench, failures };
  }) as [Side, Side];
  return { mesh, one, two };
}

interface Side {
  readonly adapter: Giver;
  readonly bench: Bench;
  readonly failures: unknown[];
}

test("the last owner of a session gives its record", async () => {
  const { one, two } = pair();
  expect(await one.adapter.take("bbbb", "known")).toEqual(Buffer.from([0, 1, 255]));
  expect(await one.adapter.take("bbbb", "unknown")).toBeUndefined();
  expect([one.adapter.pending, two.failures]).toEqual([0, []]);
});

test("without a link to it, it is not asked", async () => {
  const { one, mesh } = pair();
  expect(await one.adapter.take("cccc", "known")).toBeUndefined();
  mesh.kill("bbbb");
  expect(await one.adapter.take("bbbb", "known")).toBeUndefined();
  expect(one.adapter.pending).toBe(0);
});

test("an owner that fails, or is lost meanwhile, gives none", async () => {
  const { mesh, one, two } = pair();
  expect(await one.adapter.take("bbbb", "failing")).toBeUndefined();
  expect(two.failures).toEqual([new Error("no record")]);
  const asked = one.adapter.take("bbbb", "known");
  mesh.cut("aaaa", "bbbb");
  expect(await asked).toBeUndefined();
});

test("an owner that does not answer is waited for two seconds", async () => {
  const { one } = pair(new Mesh({ delivery: "manually" }));
  const asked = one.adapter.take("bbbb", "known");
  one.bench.clock.advance(1999);
  await settle();
  expect(one.adapter.pending).toBe(1);
  one.bench.clock.advance(1);
  expect(await asked).toBeUndefined();
});
