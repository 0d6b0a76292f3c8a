import { afterAll, expect, test, vi } from "vitest";
import { startRedis } from "../support/servers/redis.ts";
import { BALANCERS } from "./balancers.ts";
import { complaintsAbout, leftAt, refusals } from "./checker.ts";
import type { Kind, Load, LoadReport, Refused } from "./load.ts";
import { type Node, type NodePlace, placesWith } from "./nodes.ts";
import { broadcast, by, isShort, PATIENT, say, SEED } from "./run.ts";
import { clientsOf, siteBehind, tidyUp } from "./site.ts";

// kill -9 of one of four nodes, behind a balancer that repeats a GET that was not answered. The sessions of the dead node end;
// the other sessions, whose polls it has held for them, go on.

tidyUp();

const roundRobin = BALANCERS[0]!;
const KINDS: readonly Kind[] = ["4.8 polling", "2.5 polling"];
const count = by({ short: 80, medium: 500, long: 2000 });
/** Milliseconds that clients of the dead node may take to know. The bar is 100 on a machine that has nothing else to do. */
const SOON = Number(process.env["CHAOS_SOON"] ?? by({ short: 2000, medium: 1000, long: 1000 }));

/** No pings, which a client answers by a POST that can't be repeated. */
const QUIET = { pingInterval: 300_000 };

const quantile = (sorted: readonly number[], part: number): number =>
  sorted[Math.floor((sorted.length - 1) * part)] ?? 0;

interface Killing {
  readonly load: Load;
  readonly survivors: readonly Node[];
  readonly dead: string;
  readonly at: number;
}

const isOf = (tag: string, { request }: Refused): boolean =>
  request.startsWith("GET") && request.includes(`sid=${tag}`);

/** Milliseconds from the kill, of its clients: until the nodes answer their polls, the answers arrive, and the clients know. */
async function delays({ refused, sessions }: LoadReport, { survivors, dead, at }: Killing) {
  const reports = await Promise.all(survivors.map((node) => node.report()));
  const after = (times: readonly number[]): number[] =>
    times.map((time) => time - at).sort((one, other) => one - other);
  return {
    answered: after(reports.flatMap(({ refusedPolls }) => refusedPolls["OWNER_LOST"] ?? [])),
    arrived: after(refused.filter((refusal) => isOf(dead, refusal)).map((refusal) => refusal.at)),
    known: after(sessions.filter(({ tag }) => tag === dead).map(({ ended }) => ended?.at ?? Infinity)),
  };
}

const summary = (sorted: readonly number[]): string =>
  [0, 0.5, 0.99, 1].map((part) => Math.round(quantile(sorted, part))).join(", ");

const redis = await startRedis();
afterAll(() => redis?.stop());

async function killOne(
  place: NodePlace,
  during: (nodes: readonly Node[], load: Load) => Promise<void>,
): Promise<Killing> {
  const { nodes, urls } = await siteBehind(roundRobin, { count: 4, options: QUIET, ...place });
  const load = await clientsOf(2);
  await load.open({
    urls,
    count,
    kinds: KINDS,
    rate: by({ short: 100, medium: 150, long: 200 }),
    seed: SEED,
    rounds: 1,
  });
  const [victim, ...survivors] = nodes as [Node, ...Node[]];
  const { tag: dead } = await victim.ask<{ tag: string }>("who");
  await during(survivors, load);
  const at = performance.timeOrigin + performance.now();
  victim.kill("SIGKILL");
  await vi.waitFor(async () => expect(await load.living(dead)).toBe(0), { timeout: 15_000, interval: 100 });
  return { load, survivors, dead, at };
}

const HELD = "while all polls are held, no session of another node ends, found by %s";
test.skipIf(!roundRobin.program).each(placesWith(redis))(HELD, PATIENT, async (_name, place) => {
  const killing = await killOne(place, async () => {
    // The last answers leave, and all clients poll again.
    await new Promise((resolve) => setTimeout(resolve, by({ short: 1500, medium: 3000, long: 3000 })));
  });
  const { load, survivors, dead } = killing;
  await load.talk({ rounds: 3, pace: 100 });
  await load.leave();
  const report = await load.report();
  const { known, ...earlier } = await delays(report, killing);
  const before = `polls answered ${summary(earlier.answered)}; arrived ${summary(earlier.arrived)}`;
  say(`${known.length} of ${count} clients of the dead node knew after ms`, `${summary(known)}; ${before}`);
  expect(known.length).toBeGreaterThan(0);
  const seen = {
    sessions: complaintsAbout(report.sessions.filter(({ tag }) => tag !== dead)),
    refusals: refusals(report, (sid) => sid.startsWith(dead)),
  };
  expect(seen).toEqual({ sessions: {}, refusals: {} });
  expect(await leftAt(survivors)).toEqual([]);
  expect(quantile(known, 1), `the last client knows; ${before}`).toBeLessThan(SOON);
});

test.skipIf(!roundRobin.program || isShort)(
  "while answers are on their way, few sessions of others end, and none silently",
  PATIENT,
  async () => {
    const killing = await killOne({}, async (nodes) => {
      void broadcast(nodes, { count: 20, pace: 100 });
      await new Promise((resolve) => setTimeout(resolve, 500));
    });
    const { load, survivors, dead } = killing;
    await load.talk({ rounds: 3, pace: 100 });
    await load.leave();
    const others = (await load.report()).sessions.filter(({ tag }) => tag !== dead);
    const ended = others.filter(({ ended }) => ended);
    say(`sessions of others that ended, of ${others.length}`, ended.length);
    expect(ended.length).toBeLessThanOrEqual(others.length * 0.1);
    expect(complaintsAbout(others.filter(({ ended }) => !ended))).toEqual({});
    expect(ended.flatMap(({ faults }) => faults)).toEqual([]);
    expect(await leftAt(survivors)).toEqual([]);
  },
);
