import { describe, expect, test } from "vitest";
import { FINDINGS } from "../../../packages/server/src/dashboard/findings/advice.ts";
import { FINDING_RULES } from "../../../packages/server/src/dashboard/findings/rules/index.ts";
import type { BusyRoom, Sighting, Snapshot } from "../../../packages/server/src/dashboard/findings/snapshot.ts";
import { FindingWatch } from "../../../packages/server/src/dashboard/findings/watch.ts";

/** A room with a third of the deliveries, which is sent to as often as others. */
const LOBBY: BusyRoom = { room: "lobby", namespace: "/", share: 0.3, receivers: 40, timesTheOthers: 1, members: 0.2 };

/** A busy server on which nothing is wrong. */
const HEALTHY: Snapshot = {
  watched: 600,
  loop: { p99: 12, own: 12, stalls: 40, habit: 30, busy: 0.4, gc: 0.02, worked: 0.3, crowded: 0 },
  sessions: { open: 200, old: 2 },
  slow: [],
  deliveries: { rate: 5000, active: 40, top: LOBBY },
  incoming: { rate: 400, active: 180, top: { who: "ada", handle: "h1", share: 0.02, seconds: 0 } },
  handlers: [{ event: "chat", namespace: "/", share: 0.65, p99: 3, longest: 20 }],
  failures: [{ event: "chat", namespace: "/", count: 1 }],
  acks: [{ event: "ask", namespace: "/", awaited: 100, unanswered: 4 }],
  growing: [],
  kept: { watched: 60, alive: 5 },
  networks: [
    { network: "10.0.1.0/24", connections: 150, stuck: 10 },
    { network: "10.0.2.0/24", connections: 40, stuck: 3 },
  ],
  opened: 12,
  lost: { count: 6, network: "10.0.1.0/24", share: 0.8, again: 5 },
  timeouts: { ours: 0, theirs: 3 },
  strangers: { count: 2, seconds: 2 },
  refused: [],
  limits: [{ name: "maxConnections", value: 1000, used: 200 }],
  cluster: { lag: 0, silent: [] },
};

/** Three clients: one does everything. */
const QUIET: Snapshot = {
  ...HEALTHY,
  loop: { p99: 3, own: 3, stalls: 4, habit: 3, busy: 0.01, gc: 0, worked: 0.3, crowded: 0 },
  sessions: { open: 3, old: 1 },
  deliveries: { rate: 6, active: 1, top: { ...LOBBY, room: "chat", share: 1, receivers: 2, members: 1 } },
  incoming: { rate: 3, active: 1, top: { who: "ada", handle: "h1", share: 1, seconds: 0 } },
  handlers: [{ event: "chat", namespace: "/", share: 0.9, p99: 1, longest: 1 }],
  failures: [],
  acks: [{ event: "ask", namespace: "/", awaited: 2, unanswered: 2 }],
  kept: { watched: 2, alive: 2 },
  networks: [
    { network: "10.0.1.0/24", connections: 2, stuck: 2 },
    { network: "10.0.2.0/24", connections: 1, stuck: 0 },
  ],
  opened: 3,
  lost: { count: 3, network: "10.0.1.0/24", share: 1, again: 2 },
  timeouts: { ours: 0, theirs: 2 },
  strangers: { count: 3, seconds: 3 },
};

const see = (changes: Partial<Snapshot>): readonly Sighting[] =>
  FINDING_RULES.flatMap((rule) => rule({ ...HEALTHY, ...changes }));

const lobby = { ...LOBBY, share: 0.81, timesTheOthers: 100 };
const chat = { event: "chat", namespace: "/game", share: 0.8, p99: 300, longest: 300 };
const eve = { who: "eve", handle: "h2", share: 0.5, seconds: 20 };
const report = { event: "report", namespace: "/", share: 0.1, p99: 3, longest: 310 };
const cut = { count: 90, network: "10.0.2.0/24", share: 0.9, again: 60 };
const crowded = { p99: 400, own: 150, stalls: 400, habit: 150, busy: 1, gc: 0, worked: 0.4, crowded: 0.6 };
const rare = { p99: 9, own: 9, stalls: 300, habit: 300, busy: 0.2, gc: 0.1, worked: 0.3, crowded: 0 };

/** A change in the healthy server, and the finding with its subject. */
const FAULTS: Array<[changes: Partial<Snapshot>, ...found: string[]]> = [
  [
    { loop: { p99: 240, own: 240, stalls: 0, habit: 0, busy: 0.5, gc: 0.3, worked: 0.3, crowded: 0 }, handlers: [] },
    "LOOP_LATE: event loop",
  ],
  [
    {
      loop: { p99: 240, own: 240, stalls: 0, habit: 0, busy: 0.5, gc: 0.1, worked: 0.3, crowded: 0 },
      handlers: [chat],
    },
    "LOOP_LATE: chat (/game)",
    "HOT_EVENT: chat (/game)",
  ],
  [
    { loop: { p99: 9, own: 9, stalls: 1300, habit: 0, busy: 0.2, gc: 0.1, worked: 0.3, crowded: 0 }, handlers: [chat] },
    "LOOP_LATE: chat (/game)",
  ],
  [{ loop: { p99: 9, own: 9, stalls: 1300, habit: 0, busy: 0.2, gc: 0.1, worked: 0.3, crowded: 0 }, handlers: [] }],
  // Long work now and then is of listeners, or much longer.
  [{ loop: rare, handlers: [...HEALTHY.handlers, report] }, "LOOP_LATE: report"],
  [{ loop: rare }],
  [{ loop: { ...rare, habit: 800 } }, "LOOP_LATE: event loop"],
  [{ loop: { ...rare, habit: 200 }, handlers: [...HEALTHY.handlers, report] }],
  // Neighbours on the machine have the processor, and listeners pile up: a long one counts.
  [{ loop: crowded, handlers: [{ ...chat, longest: 6 }] }],
  [{ loop: { ...crowded, habit: 900 }, handlers: [{ ...chat, longest: 6 }] }],
  [{ loop: { ...crowded, stalls: 900 }, handlers: [{ ...chat, longest: 6 }] }],
  [{ loop: crowded, handlers: [] }, "LOOP_LATE: event loop"],
  [{ loop: crowded, handlers: [chat] }, "LOOP_LATE: chat (/game)", "HOT_EVENT: chat (/game)"],
  [{ loop: { ...crowded, worked: 0.8 }, handlers: [{ ...chat, longest: 6 }] }, "HOT_EVENT: chat (/game)"],
  [{ loop: { p99: 240, own: 30, stalls: 400, habit: 0, busy: 0.5, gc: 0.1, worked: 0.3, crowded: 0 } }],
  // A listener waits for a file.
  [
    { loop: { p99: 240, own: 5, stalls: 0, habit: 0, busy: 0.5, gc: 0.1, worked: 0.3, crowded: 0 }, handlers: [chat] },
    "LOOP_LATE: chat (/game)",
    "HOT_EVENT: chat (/game)",
  ],
  [{ slow: [{ who: "ada", bytes: 2e6, seconds: 8 }] }, "SLOW_CLIENTS: ada"],
  [{ deliveries: { rate: 5000, active: 40, top: lobby } }, "HOT_ROOM: lobby"],
  [{ deliveries: { rate: 5000, active: 40, top: { ...lobby, members: 1 } } }, "HOT_ROOM: lobby"],
  // A large room, a room with all clients, and the room of an admin.
  [{ deliveries: { rate: 5000, active: 40, top: { ...lobby, timesTheOthers: 3 } } }],
  [{ deliveries: { rate: 5000, active: 40, top: { ...lobby, timesTheOthers: 10, members: 1 } } }],
  [{ deliveries: { rate: 5000, active: 40, top: { ...lobby, receivers: 1, members: 0.01 } } }],
  [{ incoming: { rate: 400, active: 180, top: eve } }, "HOT_CLIENT: eve"],
  // She has uploaded a file.
  [{ incoming: { rate: 400, active: 180, top: { ...eve, seconds: 8 } } }],
  [{ growing: [{ what: "rooms", before: 100, after: 500, unit: "count", seconds: 25 }] }, "GROWS: rooms"],
  [{ growing: [{ what: "heap", before: 2e7, after: 5e7, unit: "bytes", seconds: 60 }] }, "GROWS: heap"],
  [{ kept: { watched: 60, alive: 50 } }, "GROWS: closed sockets"],
  [{ networks: [{ network: "10.0.1.0/24", connections: 150, stuck: 60 }] }, "STUCK_ON_POLLING: all networks"],
  [
    { networks: [...HEALTHY.networks, { network: "10.0.3.0/24", connections: 4, stuck: 4 }] },
    "STUCK_ON_POLLING: 10.0.3.0/24",
  ],
  [{ networks: [{ network: "", connections: 20, stuck: 20 }] }, "STUCK_ON_POLLING: all networks"],
  [{ strangers: { count: 30, seconds: 20 } }, "NOT_STICKY: balancer"],
  [{ refused: [{ option: "maxConnections", count: 3 }] }, "REFUSED_AT_LIMIT: maxConnections"],
  [{ timeouts: { ours: 20, theirs: 0 } }, "TIMEOUTS_OURS: event loop"],
  [{ timeouts: { ours: 0, theirs: 20 } }, "TIMEOUTS_THEIRS: 10.0.1.0/24"],
  [{ opened: 80, lost: cut }, "RECONNECT_STORM: 10.0.2.0/24"],
  [{ opened: 80, lost: { ...cut, share: 0.4 } }, "RECONNECT_STORM: all networks"],
  // A proxy was restarted.
  [{ opened: 90, lost: { ...cut, again: 3 } }],
  [{ acks: [{ event: "ask", namespace: "/", awaited: 100, unanswered: 80 }] }, "ACKS_UNANSWERED: ask"],
  [{ failures: [{ event: "chat", namespace: "/", count: 12 }] }, "HANDLERS_FAIL: chat"],
  [{ sessions: { open: 200, old: 60 } }, "OLD_CLIENTS: revision 3"],
  [{ cluster: { lag: 4000, silent: [] } }, "BUS_LATE: bus"],
  [{ cluster: { lag: 0, silent: ["abcd"] } }, "NODE_SILENT: abcd"],
  [{ limits: [{ name: "maxConnections", value: 1000, used: 900 }] }, "NEAR_LIMIT: maxConnections"],
];

describe("the rules", () => {
  test("find nothing on a healthy server, and nothing on a quiet one", () => {
    expect(see({})).toEqual([]);
    expect(see(QUIET)).toEqual([]);
  });

  test("find nothing in the first second, without any figures", () => {
    const empty: Partial<Snapshot> = {
      watched: 1,
      loop: { p99: 0, own: 0, stalls: 0, habit: 0, busy: 0, gc: 0, worked: 0.3, crowded: 0 },
      sessions: { open: 0, old: 0 },
      deliveries: { rate: 0, active: 0, top: undefined },
      incoming: { rate: 0, active: 0, top: undefined },
      handlers: [],
      kept: { watched: 0, alive: 0 },
      networks: [],
      lost: { count: 0, network: "", share: 0, again: 0 },
      limits: [],
    };
    expect(see({ ...empty, opened: 0 })).toEqual([]);
  });

  test.each(FAULTS)("find %j", (changes, ...found) => {
    const sightings = see(changes);
    expect(sightings.map(({ code, subject }) => `${code}: ${subject}`)).toEqual(found);
    for (const { sentence } of sightings) expect(sentence).toMatch(/^[A-Z0-9a-z].*\.$/);
  });

  test("are all tried here, and each has advice", () => {
    const tried = new Set(FAULTS.flatMap(([, ...found]) => found.map((text) => text.split(":")[0])));
    expect(Array.from(tried, String).sort()).toEqual(Object.keys(FINDINGS).sort());
    for (const { advice } of Object.values(FINDINGS)) expect(advice).toMatch(/\.$/);
  });

  test("do not take the first seconds after a start for a balancer that is not sticky", () => {
    expect(see({ watched: 5, strangers: { count: 30, seconds: 5 } })).toEqual([]);
  });
});

describe("a finding", () => {
  const sighting: Sighting = { code: "HOT_ROOM", subject: "lobby", sentence: "It is hot." };
  const shown = (watch: FindingWatch, seconds: number[], until: number): string[] => {
    const changes: string[] = [];
    let before = "";
    for (let second = 0; second <= until; second++) {
      const now = watch.update(second * 1000, seconds.includes(second) ? [sighting] : []);
      const text = now.map(({ code, since }) => `${code} since ${since}`).join();
      if (text !== before) changes.push(`${second}: ${text}`);
      before = text;
    }
    return changes;
  };
  const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

  test("is shown once it was seen for five seconds, and for fifteen seconds after it", () => {
    expect(shown(new FindingWatch(), range(2, 20), 60)).toEqual(["7: HOT_ROOM since 2000", "34: "]);
  });

  test("takes more than a moment, and survives a calm moment", () => {
    expect(shown(new FindingWatch(), [1, 2, 3, 20], 60)).toEqual([]);
    expect(shown(new FindingWatch(), [...range(0, 10), ...range(18, 30)], 40)).toEqual(["5: HOT_ROOM since 0"]);
  });

  test("has level and advice of its code", () => {
    const watch = new FindingWatch();
    for (let second = 0; second < 5; second++) watch.update(second * 1000, [sighting]);
    expect(watch.update(5000, [sighting])).toEqual([{ ...sighting, ...FINDINGS.HOT_ROOM, since: 0 }]);
  });
});
