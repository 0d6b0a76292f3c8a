import { afterAll, expect, test } from "vitest";
import { startRedis } from "../support/servers/redis.ts";
import { WATCHFUL } from "./balancers.ts";
import { complaintsAbout, leftAt } from "./checker.ts";
import { KINDS } from "./load.ts";
import { type Node, placesWith, whenJoined } from "./nodes.ts";
import { by, expectFlawless, isShort, PATIENT, say, SEED, talkAndLeave } from "./run.ts";
import { clientsOf, siteBehind, tidyUp } from "./site.ts";

// SIGSTOP of one of three nodes: the others notice its silence, its clients go elsewhere, and once it goes on it joins again.

tidyUp();

/** In a short run the same happens at a quarter of the time. */
const scale = by({ short: 0.25, medium: 1, long: 1 });
const cluster = { heartbeatInterval: 1000 * scale, heartbeatTimeout: 4000 * scale };
/** The clients of a frozen node know it by its missing pings, and so does the node that wakes up. */
const options = { pingInterval: 3000 * scale, pingTimeout: 2500 };
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const now = (): number => performance.timeOrigin + performance.now();

/** Stops a node for this long, and returns when each of the others noticed: milliseconds. */
async function freeze(frozen: Node, others: readonly Node[], ms: number): Promise<number[]> {
  const { tag } = await frozen.ask<{ tag: string }>("who");
  const at = now();
  frozen.kill("SIGSTOP");
  try {
    await sleep(ms);
    const reports = await Promise.all(others.map((node) => node.report()));
    return reports.map(({ events }) => {
      const noticed = events.find((event) => event.tag === tag && (event.name === "lost" || event.state === "silent"));
      return (noticed?.at ?? Infinity) - at;
    });
  } finally {
    frozen.kill("SIGCONT");
  }
}

const redis = isShort ? undefined : await startRedis();
afterAll(() => redis?.stop());

test.skipIf(!WATCHFUL.program || isShort).each(placesWith(redis))(
  "a node that is frozen longer than the others wait, found by %s",
  PATIENT,
  async (_name, place) => {
    const { nodes, urls } = await siteBehind(WATCHFUL, { count: 3, cluster, options, ...place });
    const [frozen, ...others] = nodes as [Node, ...Node[]];
    const { tag } = await frozen.ask<{ tag: string }>("who");
    const load = await clientsOf(1);
    const opening = { urls, kinds: KINDS, rate: 60, seed: SEED };
    await load.open({ ...opening, count: by({ short: 45, medium: 180, long: 450 }), rounds: 2 });
    const delays = await freeze(frozen, others, 6000 * scale);
    say("the others noticed after ms", delays);
    for (const delay of delays) expect(delay).toBeLessThan(cluster.heartbeatTimeout + cluster.heartbeatInterval + 500);
    await whenJoined(nodes);
    const { sessions } = await load.report();
    const ended = sessions.filter(({ ended }) => ended);
    const foreign = ended.filter((session) => session.tag !== tag);
    // A WebSocket or a POST through the frozen node ends with it. So does a poll that it holds: the freeze is longer than the client
    // waits for a ping. With a pingTimeout of 20 s, next to none of these polls end.
    say("ended sessions, and complaints of other nodes' sessions", [ended.length, complaintsAbout(foreign)]);
    expect(sessions.flatMap(({ faults }) => faults)).toEqual([]);
    await load.leave();
    expect(await leftAt(nodes)).toEqual([]);
    const before = await Promise.all(nodes.map((node) => node.report()));
    expect(before.flatMap(({ faults }) => faults)).toEqual([]);
    const outcome = await talkAndLeave(nodes, { ...opening, count: 45, processes: 1, rounds: 3, pace: 50 });
    await expectFlawless(nodes, outcome, before);
  },
);
