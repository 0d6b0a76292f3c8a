import { expect, test } from "vitest";
import { WATCHFUL } from "./balancers.ts";
import { complaintsAbout, leftAt, refusals } from "./checker.ts";
import type { Kind } from "./load.ts";
import type { Node } from "./nodes.ts";
import { by, isShort, PATIENT, say, SEED } from "./run.ts";
import { clientsOf, siteBehind, tidyUp } from "./site.ts";

// A node leaves while its clients and other clients talk. First the balancer sends it nothing new: a connection that waits in the
// queue of a port that closes is reset, and a POST on it can't be repeated. Then `io.close()` answers what it has taken for others.

tidyUp();

const KINDS: readonly Kind[] = ["4.8 polling", "2.5 polling", "portage polling"];

test.skipIf(!WATCHFUL.program || isShort)(
  "a front that closes under load breaks no polling session of another node",
  PATIENT,
  async () => {
    const { nodes, urls } = await siteBehind(WATCHFUL, { count: 3 });
    const [leaving, ...others] = nodes as [Node, ...Node[]];
    const load = await clientsOf(1);
    const count = by({ short: 45, medium: 300, long: 900 });
    await load.open({ urls, count, kinds: KINDS, rate: 100, seed: SEED, rounds: 1 });
    // Their polls are held all the time, also by the node that leaves.
    const idle = await clientsOf(1);
    await idle.open({ urls, count, kinds: KINDS, rate: 100, seed: SEED + 50, rounds: 1 });
    const { tag } = await leaving.ask<{ tag: string }>("who");
    const talked = load.talk({ rounds: by({ short: 40, medium: 80, long: 100 }), pace: 100 });
    await leaving.ask("leaveBalancer");
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(await leaving.ask("close")).toEqual({ open: 0 });
    await talked;
    await load.leave();
    await idle.talk({ rounds: 2, pace: 100 });
    await idle.leave();
    const reports = await Promise.all([load.report(), idle.report()]);
    const sessions = reports.flatMap(({ sessions }) => sessions);
    const theirs = sessions.filter((session) => session.tag === tag);
    say("sessions of the node that left, and why they ended", [theirs.length, complaintsAbout(theirs)]);
    expect(theirs.filter(({ ended }) => !ended)).toEqual([]);
    const seen = {
      sessions: complaintsAbout(sessions.filter((session) => session.tag !== tag)),
      refusals: reports.map((report) => refusals(report, (sid) => sid.startsWith(tag))),
    };
    expect(seen).toEqual({ sessions: {}, refusals: [{}, {}] });
    expect(await leftAt(others)).toEqual([]);
  },
);
