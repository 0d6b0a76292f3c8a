import { vi } from "vitest";
import type { LoadReport, Refused, SessionReport } from "./load.ts";
import type { NodeReport } from "./nodes.ts";

/** What went wrong, in sentences; a table of counts by sentence stays readable for thousands of sessions. */
export type Complaints = Readonly<Record<string, number>>;

/** Numbers and ids differ from session to session, the fault does not. */
const general = (sentence: string): string => sentence.replace(/[\w-]{20}: /, "").replace(/\d+/g, "N");

class Tally {
  readonly counts: Record<string, number> = {};

  add(sentence: string): void {
    this.counts[sentence] = (this.counts[sentence] ?? 0) + 1;
  }
}

const isAsWanted = ({ kind, transport }: SessionReport): boolean =>
  (transport === "polling") === kind.endsWith(" polling");

/** Complaints about sessions that should have lived: the clients' view. */
export function complaintsAbout(sessions: readonly SessionReport[]): Complaints {
  const tally = new Tally();
  for (const session of sessions) {
    for (const fault of session.faults) tally.add(`${session.kind}: ${general(fault)}`);
    if (session.ended) tally.add(`${session.kind}: ended, ${general(session.ended.reason)}`);
    else if (!session.left) tally.add(`${session.kind}: it did not leave`);
    else if (!isAsWanted(session)) tally.add(`${session.kind}: on ${session.transport}`);
  }
  return tally.counts;
}

const sidOf = ({ request }: Refused): string => /sid=([^&]*)/.exec(request)?.[1] ?? "";

/**
 * Answers that no client should get. A client that says goodbye between two polls may send one more, which comes too late: also
 * if there is one process.
 */
export function refusals(
  { refused, sessions }: LoadReport,
  isExpected: (sid: string) => boolean = () => false,
): Complaints {
  const tally = new Tally();
  const left = new Map(sessions.map(({ sid, left }) => [sid, left ?? Infinity]));
  for (const refusal of refused) {
    const sid = sidOf(refusal);
    const { at, status, request, body } = refusal;
    if (isExpected(sid) || (status === 400 && at >= (left.get(sid) ?? Infinity))) continue;
    const [method] = request.split(" ");
    tally.add(`${status} for ${method} ${/transport=\w+/.exec(request)?.[0]}: ${general(body.slice(0, 200))}`);
  }
  return tally.counts;
}

/** Why links and sessions have ended, for the message of a test that has failed. */
export function ends(reports: readonly NodeReport[]): string {
  return reports
    .map(({ stats }) => {
      const { nodes, sessions } = stats as { nodes?: { ends?: object }; sessions?: { closed?: object } };
      return JSON.stringify({ links: nodes?.ends, sessions: sessions?.closed });
    })
    .join("\n");
}

/** Faults that the nodes have seen, and counts that disagree with the clients' counts. */
export function disagreements(
  nodes: readonly NodeReport[],
  before: readonly NodeReport[],
  { sessions }: LoadReport,
): Complaints {
  const tally = new Tally();
  for (const { faults } of nodes) for (const fault of faults) tally.add(general(fault));
  const all = (reports: readonly NodeReport[], name: "ups" | "downs"): number =>
    reports.reduce((sum, { totals }) => sum + totals[name], 0);
  const sum = (name: "ups" | "downs"): number => all(nodes, name) - all(before, name);
  const count = (read: (session: SessionReport) => number): number => sessions.reduce((all, one) => all + read(one), 0);
  if (sum("ups") !== count(({ ups }) => ups)) tally.add("not all messages up have arrived");
  if (sum("downs") !== count(({ downs }) => downs)) tally.add("not all messages down have arrived");
  return tally.counts;
}

/** Gauges of `io.stats().nodes` that are zero once all clients have gone. */
const GAUGES = /^(?:tunnels|pending|owned|waiting|queuedBytes)$/;

/** Walks the statistics of a cluster, and returns the gauges that are not zero. */
function leftIn(value: unknown, path: string): string[] {
  if (typeof value !== "object" || value === null) {
    const name = path.split(".").at(-1) ?? "";
    return typeof value === "number" && value !== 0 && GAUGES.test(name) ? [`${path}: ${value}`] : [];
  }
  return Object.entries(value).flatMap(([name, each]) => leftIn(each, `${path}.${name}`));
}

export type Leftovers = Pick<NodeReport, "open" | "sockets" | "stats">;

/** Returns what a node still has. */
function leftovers({ open, sockets, stats }: Leftovers): string[] {
  return [
    ...open.map((session) => `session ${session}`),
    ...(sockets === 0 ? [] : [`sockets: ${sockets}`]),
    ...leftIn(stats["nodes"], "nodes"),
  ];
}

/** Names the client of each session that is left over. A session of no client has made a handshake whose answer nobody got. */
export function withClients(left: readonly string[], sessions: readonly SessionReport[]): string[] {
  const kinds = new Map(sessions.map(({ sid, kind, left: at }) => [sid, `a ${kind} client that left at ${at}`]));
  return left.map((what) => {
    const [, sid] = /^session ([\w-]{20}),/.exec(what) ?? [];
    return sid === undefined ? what : `${what}, of ${kinds.get(sid) ?? "no client"}`;
  });
}

/** Waits until the nodes have nothing left over; returns what stays. */
export async function leftAt(nodes: readonly { report(): Promise<Leftovers> }[], patience = 20_000): Promise<string[]> {
  const look = async (): Promise<string[]> =>
    (await Promise.all(nodes.map((node) => node.report()))).flatMap(leftovers);
  try {
    await vi.waitFor(
      async () => {
        if ((await look()).length > 0) throw new Error("left over");
      },
      { timeout: patience, interval: 50 },
    );
    return [];
  } catch {
    return look();
  }
}
