import { expect } from "vitest";
import { complaintsAbout, disagreements, ends, leftAt, refusals, withClients } from "./checker.ts";
import { Load, type LoadReport, type Opening } from "./load.ts";
import type { Node, NodeReport } from "./nodes.ts";

/** How long the tests may take: `short` in `npm test`, `medium` before a release, `long` by hand. */
type Length = "short" | "medium" | "long";
const LENGTH = (process.env["CHAOS"] ?? "short") as Length;
export const SEED = Number(process.env["CHAOS_SEED"] ?? 1);

/** Returns the value for this length. */
export const by = <T>(values: Readonly<Record<Length, T>>): T => values[LENGTH];

/** What takes too long for `npm test`. */
export const isShort = LENGTH === "short";

/** A machine that has other work to do may take this long for one test. */
export const PATIENT = { timeout: isShort ? 120_000 : 1_200_000 };

/** Prints figures of a longer run. */
export function say(what: string, figures: unknown): void {
  if (!isShort) process.stdout.write(`\n${what}: ${JSON.stringify(figures)}\n`);
}

export interface Outcome {
  readonly report: LoadReport;
  readonly left: readonly string[];
}

interface Talk extends Opening {
  /** Processes for the clients. */
  readonly processes: number;
  /** Milliseconds that the nodes may take to have nothing left. */
  readonly patience?: number;
}

/** Opens sessions, lets them talk and leave, and returns what came of it. */
export async function talkAndLeave(
  nodes: readonly Node[],
  { processes, patience, ...opening }: Talk,
): Promise<Outcome> {
  const load = await Load.start(processes);
  try {
    await load.open(opening);
    await load.leave();
    return { report: await load.report(), left: await leftAt(nodes, patience) };
  } finally {
    await load.stop();
  }
}

/** Broadcasts from each node; returns the number of the last one by its tag. */
export async function broadcast(nodes: readonly Node[], plan: { count: number; pace: number }) {
  const sent = await Promise.all(nodes.map((node) => node.ask<{ tag: string; news: number }>("broadcast", plan)));
  return Object.fromEntries(sent.map(({ tag, news }) => [tag, news - 1]));
}

/** The same while all nodes broadcast, and every session has to hear all that is sent while it is connected. */
export async function talkAndHear(nodes: readonly Node[], { processes, ...opening }: Talk): Promise<Outcome> {
  const load = await Load.start(processes);
  const took: Record<string, number> = {};
  const timed = async <T>(step: string, work: Promise<T>): Promise<T> => {
    const begin = performance.now();
    const result = await work;
    took[step] = Math.round(performance.now() - begin);
    return result;
  };
  try {
    const [count, pace] = [by({ short: 20, medium: 50, long: 200 }), 50];
    await Promise.all([timed("talk", load.open(opening)), timed("broadcast", broadcast(nodes, { count, pace }))]);
    const last = await broadcast(nodes, { count: 2, pace: 10 });
    expect(await timed("hear", load.hear(last)), "sessions that missed a broadcast").toBe(0);
    await timed("leave", load.leave());
    const report = await load.report();
    const left = await timed("left", leftAt(nodes));
    say("milliseconds", took);
    return { report, left };
  } finally {
    await load.stop();
  }
}

/**
 * Expects that every message of these sessions arrived once and in order, that no answer was a refusal, and nothing is left.
 *
 * @param before the reports of the nodes before these sessions
 */
export async function expectFlawless(
  nodes: readonly Node[],
  { report, left }: Outcome,
  before: readonly NodeReport[] = [],
): Promise<void> {
  const reports = await Promise.all(nodes.map((node) => node.report()));
  expect(
    {
      sessions: complaintsAbout(report.sessions),
      refusals: refusals(report),
      counts: disagreements(reports, before, report),
      left: withClients(left, report.sessions),
    },
    `CHAOS_SEED=${SEED}\n${ends(reports)}`,
  ).toEqual({ sessions: {}, refusals: {}, counts: {}, left: [] });
}
