import { afterEach, expect, test } from "vitest";
import { Random } from "../support/random.ts";
import { leftAt, type Leftovers } from "./checker.ts";
import {
  endsWithoutCode,
  faultsOfReceipts,
  faultsOfRooms,
  faultsOfUps,
  inversions,
  returnsOf,
} from "./storm/checks.ts";
import { BRIEF, MILD, RATE, ROUGH, storm, type Storm } from "./storm/faults.ts";
import type { Journals } from "./storm/journal.ts";
import { RecoverySite, type SitePlan } from "./storm/site.ts";
import { by, PATIENT, say, SEED } from "./run.ts";

// Clients come back to any node after all kinds of losses. A client that recovers has got every event for it once, in one
// order for all. A client that does not recover knows, and the node says why.

let site: RecoverySite | undefined;
afterEach(async () => {
  await site?.stop();
  site = undefined;
});

const KINDS = [
  "4.8 websocket",
  "4.8 upgrade",
  "4.8 polling",
  "portage upgrade",
  "portage without carry websocket",
  "portage without carry polling",
];

const clients = by({ short: 12, medium: 18, long: 24 });

interface Outcome {
  readonly journals: Journals;
  /** Clients that did not get the last event of each node. */
  readonly deaf: readonly number[];
  readonly trace: readonly string[];
}

type Weather = Pick<Storm, "faults" | "count" | "pace">;

/** Lets nodes emit while faults happen, then waits for quiet. */
async function endure(plan: SitePlan, weather: Weather): Promise<Outcome | undefined> {
  site = await RecoverySite.start(plan);
  if (site === undefined) return undefined;
  const trace: string[] = [];
  const plans = Array.from({ length: clients }, (_, id) => {
    const kind = KINDS[id % KINDS.length] as string;
    return { id, kind, retries: kind.startsWith("portage") };
  });
  expect(await site.clients.ask("open", { plans, urls: site.urls })).toBe(true);
  await Promise.all(site.places.map((place) => place.ask("speak", { rate: RATE, seed: SEED + place.index })));
  await site.clients.ask("send", { rate: 4 });
  const begin = performance.now();
  const onFault = ({ name }: { name: string }): void => {
    trace.push(`${Math.round(performance.now() - begin)} ms: ${name}`);
    if (process.env["CHAOS_TRACE"]) say("fault", trace.at(-1));
  };
  await storm(site, { random: new Random(SEED), clients, ...weather, onFault });
  await site.whenJoined();
  await site.clients.ask("connected", 20_000);
  await Promise.all(site.places.map((place) => place.ask("hush")));
  const deaf = await untilQuiet(site);
  return { journals: await site.journals(), deaf, trace };
}

/** Lets each node emit a last event, and returns the clients that do not get them; a client without its session may not. */
async function untilQuiet({ clients, places }: RecoverySite): Promise<readonly number[]> {
  let deaf: readonly number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const last = await Promise.all(places.map((place) => place.ask("last")));
    deaf = await clients.ask<number[]>("settle", { last, patience: 5000 });
    if (deaf.length === 0) break;
  }
  return deaf;
}

const askAll = async (question: string): Promise<string[]> =>
  (await Promise.all(site!.places.map((place) => place.ask<string[]>(question)))).flat();

/** Expects that nothing is wrong in a run, and that nothing is left when its clients have gone. */
async function expectOrder({ journals, deaf, trace }: Outcome): Promise<void> {
  const returns = returnsOf(journals);
  const events = journals.clients.flatMap(({ sessions }) => sessions).reduce((sum, { got }) => sum + got.length / 3, 0);
  say("returns", { ...returns, events, faults: trace.length });
  const seen = {
    receipts: faultsOfReceipts(journals).slice(0, 20),
    inversions: inversions(journals),
    ups: faultsOfUps(journals),
    withoutCode: [
      ...endsWithoutCode(journals),
      ...Object.keys(returns.refused).filter((code) => !code.startsWith("R")),
    ],
    clients: journals.clients.flatMap(({ id, faults }) => faults.map((fault) => `${id}: ${fault}`)).slice(0, 20),
    deaf,
  };
  const message = `CHAOS_SEED=${SEED}\n${JSON.stringify(returns)}\n${trace.join("\n")}`;
  expect(seen, message).toEqual({ receipts: [], inversions: [], ups: [], withoutCode: [], clients: [], deaf: [] });
  const sids = await askAll("sids");
  expect(new Set(sids).size, "a socket has one node").toBe(sids.length);
  const extra = await askAll("extra");
  const living = new Map(sids.map((sid) => [sid, extra.includes(sid)]));
  expect(faultsOfRooms(journals, living), message).toEqual([]);
  await site!.clients.ask("leave");
  const nodes = site!.places.map((place) => ({ report: () => place.ask<Leftovers>("report") }));
  expect(await leftAt(nodes), message).toEqual([]);
  expect(await site!.keysForEver()).toEqual([]);
  const said = site!.places.map((place) => place.said).join("");
  const pids = journals.clients.flatMap(({ pids }) => pids);
  expect(pids.filter((pid) => said.includes(pid))).toEqual([]);
}

test("cuts, hops, kills and lags: all clients recover", PATIENT, async () => {
  const count = Number(process.env["CHAOS_FAULTS"] ?? by({ short: 8, medium: 100, long: 1000 }));
  const outcome = await endure(
    { nodes: 3, driver: "ioredis", env: { DEBUG: "*,-engine:*,-socket.io:client" } },
    { faults: MILD, count, pace: by({ short: 120, medium: 300, long: 300 }) },
  );
  if (outcome === undefined) return;
  await expectOrder(outcome);
  const { count: all, recovered, refused } = returnsOf(outcome.journals);
  expect(all).toBeGreaterThan(count);
  // A stalled machine may refuse one of the few.
  const share = by({ short: 0.9, medium: 0.995, long: 0.999 });
  expect(recovered / all, JSON.stringify(refused)).toBeGreaterThanOrEqual(share);
});

test("nodes stand still, Redis disappears and is emptied: every hole is known", PATIENT, async () => {
  const count = by({ short: 4, medium: 30, long: 200 });
  const faults = by({ short: BRIEF, medium: ROUGH, long: ROUGH });
  const outcome = await endure(
    { nodes: 3, driver: "node-redis" },
    { faults, count, pace: by({ short: 200, medium: 500, long: 500 }) },
  );
  if (outcome === undefined) return;
  await expectOrder(outcome);
});
