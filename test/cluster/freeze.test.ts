import { expect, test, vi } from "vitest";
import { BALANCERS } from "./balancers.ts";
import { leftAt } from "./checker.ts";
import { KINDS } from "./load.ts";
import { type Node, whenJoined } from "./nodes.ts";
import { by, expectFlawless, say, SEED, talkAndLeave } from "./run.ts";
import { clientsOf, hasCluster, siteBehind, tidyUp } from "./site.ts";

// SIGSTOP of one of three nodes: the others notice its silence, its clients go elsewhere, and once it goes on it joins again.

tidyUp();

const roundRobin = BALANCERS[0]!;
/** In a short run the same happens at a quarter of the time. */
const scale = by({ short: 0.25, medium: 1, long: 1 });
const cluster = { heartbeatInterval: 1000 * scale, heartbeatTimeout: 4000 * scale };
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test.skipIf(!roundRobin.program || !hasCluster)(
  "a node that is frozen for one and a half times the heartbeat's limit",
  async () => {
    const { nodes, urls } = await siteBehind(roundRobin, { count: 3, cluster });
    const [frozen, ...others] = nodes as [Node, ...Node[]];
    const load = await clientsOf(1);
    const opening = { urls, kinds: KINDS, rate: 60, seed: SEED };
    await load.open({ ...opening, count: by({ short: 45, medium: 180, long: 450 }), rounds: 2 });
    const { tag } = await frozen.ask<{ tag: string }>("who");
    const at = performance.timeOrigin + performance.now();
    frozen.kill("SIGSTOP");
    try {
      await sleep(6000 * scale);
      const noticed = await Promise.all(others.map((node) => node.report()));
      const lost = noticed.map(({ events }) => events.find((event) => event.name === "lost" && event.tag === tag));
      const delays = lost.map((event) => (event?.at ?? Infinity) - at);
      say("the others noticed after ms", delays);
      for (const delay of delays)
        expect(delay).toBeLessThan(cluster.heartbeatTimeout + cluster.heartbeatInterval + 500);
    } finally {
      frozen.kill("SIGCONT");
    }
    await whenJoined(nodes);
    const { tag: newTag } = await frozen.ask<{ tag: string }>("who");
    expect(newTag, "the sessions of its first life are over").not.toBe(tag);
    await vi.waitFor(async () => expect(await load.living(tag)).toBe(0), { timeout: 60_000, interval: 100 });
    const { sessions } = await load.report();
    const ended = sessions.filter((session) => session.tag !== tag && session.ended);
    say("sessions of the others that ended", [ended.length, ended.map(({ kind }) => kind)]);
    // A WebSocket that went through the frozen node ends with it; a poll is repeated elsewhere.
    expect(ended.filter(({ transport }) => transport === "polling")).toEqual([]);
    await load.leave();
    expect(await leftAt(nodes)).toEqual([]);
    const before = await Promise.all(nodes.map((node) => node.report()));
    const outcome = await talkAndLeave(nodes, { ...opening, count: 45, processes: 1, rounds: 3, pace: 50 });
    await expectFlawless(nodes, outcome, before);
  },
);
