import { afterAll, expect, test } from "vitest";
import { startRedis } from "../support/servers/redis.ts";
import { BALANCERS } from "./balancers.ts";
import { KINDS } from "./load.ts";
import { by, expectFlawless, isShort, PATIENT, say, SEED, talkAndHear } from "./run.ts";
import { type Site, siteBehind, siteOfWorkers, tidyUp } from "./site.ts";

// Unmodified clients before four nodes, and no sticky sessions: each request may land anywhere. Every message arrives once and
// in order both ways, every broadcast arrives, no client gets a refusal, and nothing is left over.

tidyUp();

const PLAN = { count: 4 };
/** Sessions that all live at once, for each way in. */
const count = Number(process.env["CHAOS_SESSIONS"] ?? by({ short: 60, medium: 400, long: 2000 }));
const rate = by({ short: 50, medium: 80, long: 100 });
const processes = Math.ceil(count / 1000);
const balancers = Math.ceil(count / 3000);

async function serveAll({ nodes, urls }: Site): Promise<void> {
  const rounds = by({ short: 5, medium: 10, long: 20 });
  const opening = { urls, count, kinds: KINDS, rate, seed: SEED, rounds, pace: 200 };
  const outcome = await talkAndHear(nodes, { ...opening, processes });
  say(`${count} sessions`, outcome.report.statuses);
  await expectFlawless(nodes, outcome);
  // With one of four as the owner, most of it has to come from elsewhere.
  const reports = await Promise.all(nodes.map((node) => node.report()));
  for (const { totals } of reports) expect(totals.sessions, "sessions of a node").toBeLessThan(count * 0.7);
}

const some = by({
  short: ["haproxy random"],
  medium: BALANCERS.map(({ name }) => name),
  long: BALANCERS.map(({ name }) => name),
});

for (const balancer of BALANCERS.filter(({ name }) => some.includes(name))) {
  test.skipIf(!balancer.program)(`four nodes behind ${balancer.name}`, PATIENT, async () => {
    await serveAll(await siteBehind(balancer, PLAN, balancers));
  });
}

const redis = await startRedis();
afterAll(() => redis?.stop());

test.skipIf(!redis || !BALANCERS[0]?.program)("three nodes on three addresses, with Redis", PATIENT, async () => {
  await serveAll(await siteBehind(BALANCERS[0]!, { count: 3, redis: redis?.url }, balancers));
});

test.skipIf(!redis || !BALANCERS[0]?.program)("three nodes with links over Redis alone", PATIENT, async () => {
  const plan = { count: 3, redis: redis?.url, cluster: { links: "bus" } };
  await serveAll(await siteBehind(BALANCERS[0]!, plan, balancers));
});

test("four workers of node:cluster on one port", PATIENT, async () => {
  await serveAll(await siteOfWorkers(PLAN));
});

test.skipIf(isShort)("four workers of node:cluster, whose primary passes sockets", PATIENT, async () => {
  await serveAll(await siteOfWorkers({ ...PLAN, passes: true }));
});
