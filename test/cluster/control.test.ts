import { expect, test } from "vitest";
import { BALANCERS } from "./balancers.ts";
import { complaintsAbout, refusals } from "./checker.ts";
import { KINDS } from "./load.ts";
import type { NodePlan } from "./nodes.ts";
import { by, expectFlawless, PATIENT, SEED, talkAndLeave } from "./run.ts";
import { siteBehind, tidyUp } from "./site.ts";

// One process has nothing to forward: what the checker says of it is the checker's own fault. Several processes that know
// nothing of each other have to fail: a checker that is content with them sees nothing.

tidyUp();

const roundRobin = BALANCERS[0]!;
const LIBRARIES = by<readonly NodePlan["library"][]>({
  short: ["@portage/server"],
  medium: ["@portage/server", "socket.io"],
  long: ["@portage/server", "socket.io"],
});
const talk = {
  count: by({ short: 27, medium: 200, long: 200 }),
  kinds: KINDS,
  rate: 100,
  processes: 1,
  seed: SEED,
  rounds: 5,
  pace: 20,
};

test.skipIf(!roundRobin.program).each(LIBRARIES)("one process of %s", PATIENT, async (library) => {
  const { nodes, urls } = await siteBehind(roundRobin, { library, count: 1, isCluster: false });
  await expectFlawless(nodes, await talkAndLeave(nodes, { ...talk, urls }));
});

test.skipIf(!roundRobin.program)("processes that are strangers", PATIENT, async () => {
  const { nodes, urls } = await siteBehind(roundRobin, { count: 2, isCluster: false });
  const { report } = await talkAndLeave(nodes, { ...talk, urls, patience: 0 });
  expect(Object.keys(complaintsAbout(report.sessions)).length).toBeGreaterThan(2);
  expect(Object.keys(refusals(report)).length).toBeGreaterThan(0);
});
