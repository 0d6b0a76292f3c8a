import { afterAll, expect, test } from "vitest";
import { startRedis } from "../support/servers/redis.ts";
import { BALANCERS } from "./balancers.ts";
import { leftAt } from "./checker.ts";
import { KINDS } from "./load.ts";
import { placesWith, whenJoined } from "./nodes.ts";
import { by, expectFlawless, isShort, PATIENT, say, SEED, talkAndLeave } from "./run.ts";
import { clientsOf, siteBehind, tidyUp } from "./site.ts";

// The connection between two nodes breaks while both live: what was under way may be lost, and its session then ends. No session
// goes on with a gap, and the nodes find each other again.

tidyUp();

const roundRobin = BALANCERS[0]!;
/** A client that gets a 503 gives its session up; the owner learns it from the missing pong. */
const options = { pingInterval: 4000, pingTimeout: 6000 };

const redis = isShort ? undefined : await startRedis();
afterAll(() => redis?.stop());

test.skipIf(!roundRobin.program || isShort).each(placesWith(redis))(
  "links that are cut under load, found by %s",
  PATIENT,
  async (_name, place) => {
    const { nodes, urls } = await siteBehind(roundRobin, { count: 3, options, ...place });
    const load = await clientsOf(1);
    const opening = { urls, kinds: KINDS, rate: 80, seed: SEED };
    await load.open({ ...opening, count: by({ short: 45, medium: 180, long: 450 }), rounds: 1 });
    const talked = load.talk({ rounds: by({ short: 10, medium: 40, long: 200 }), pace: 100 });
    let cut = 0;
    for (let times = by({ short: 3, medium: 10, long: 40 }); times > 0; times -= 1) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      cut += await nodes[times % nodes.length]!.ask<number>("cut");
    }
    expect(cut, "links that were cut").toBeGreaterThan(2);
    await talked;
    await whenJoined(nodes);
    await load.leave();
    const { sessions } = await load.report();
    const ended = sessions.filter(({ ended }) => ended);
    say(`${cut} links cut; sessions that ended, of ${sessions.length}`, ended.length);
    expect(sessions.flatMap(({ faults }) => faults)).toEqual([]);
    expect(await leftAt(nodes)).toEqual([]);
    const before = await Promise.all(nodes.map((node) => node.report()));
    expect(before.flatMap(({ faults }) => faults)).toEqual([]);
    await expectFlawless(
      nodes,
      await talkAndLeave(nodes, { ...opening, count: 27, processes: 1, rounds: 3, pace: 50 }),
      before,
    );
  },
);
