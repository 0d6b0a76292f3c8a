/*
 * The other nodes of the cluster, and whether they serve.
 *
 * Quantities: one record for each node that has reported its state; one time for each node that was lost, for a minute at
 * least, and for `MAX_LOST` nodes at most. `counts` has the number of records by state.
 *
 * A tag is in one of the two maps, never in both. A node appears with its first report, not with its link.
 */

export type MemberState = "up" | "draining" | "silent";
type ReportedState = Exclude<MemberState, "silent">;
type MemberPhase = MemberState | "unknown" | "lost";
type MemberSignal = ReportedState | "silence" | "loss";

/** What a node reports about itself. */
export interface NodeReport {
  readonly state: ReportedState;
  readonly sessions: number;
  /** Milliseconds since 1970. */
  readonly since: number;
}

export interface Member {
  readonly tag: string;
  readonly state: MemberState;
  readonly sessions: number;
  readonly since: number;
}

/** What changed for others: `node` has joined or changed its state; `lost`. */
export type MembershipChange = "node" | "lost" | undefined;

/** State and signal to the next state and the change to announce. What is not listed changes nothing. */
export const MEMBER_STEPS: Readonly<
  Record<MemberPhase, Readonly<Partial<Record<MemberSignal, readonly [MemberPhase, MembershipChange]>>>>
> = {
  unknown: { up: ["up", "node"], draining: ["draining", "node"], loss: ["lost", undefined] },
  up: { draining: ["draining", "node"], silence: ["silent", "node"], loss: ["lost", "lost"] },
  draining: { up: ["up", "node"], silence: ["silent", "node"], loss: ["lost", "lost"] },
  silent: { up: ["up", "node"], draining: ["draining", "node"], loss: ["lost", "lost"] },
  lost: { up: ["up", "node"], draining: ["draining", "node"] },
};

/** Milliseconds for which lost nodes are remembered. */
const LOST_FOR = 120_000;
/** How many lost nodes are remembered; the oldest are forgotten first. */
const MAX_LOST = 1000;

export class Membership {
  readonly #members = new Map<string, Member>();
  readonly #lost = new Map<string, number>();
  readonly #counts: Record<MemberState, number> = { up: 0, draining: 0, silent: 0 };

  /** Number of other nodes by state. */
  get counts(): Readonly<Record<MemberState, number>> {
    return this.#counts;
  }

  all(): Iterable<Member> {
    return this.#members.values();
  }

  get(tag: string): Member | undefined {
    return this.#members.get(tag);
  }

  /** Returns when the node was lost. Undefined for other nodes, and for nodes that were lost long ago. */
  lostAt(tag: string): number | undefined {
    return this.#lost.get(tag);
  }

  /** A node reports its state. */
  report(tag: string, report: NodeReport): MembershipChange {
    const { sessions, since } = report;
    const [state, change] = this.#step(tag, report.state);
    this.#lost.delete(tag);
    this.#put({ tag, state: state as MemberState, sessions, since });
    return change;
  }

  /** The link to a node is cut, or silent. */
  silence(tag: string): MembershipChange {
    const member = this.#members.get(tag);
    const [state, change] = this.#step(tag, "silence");
    if (member !== undefined && change !== undefined) this.#put({ ...member, state: state as MemberState });
    return change;
  }

  /** A node has ended or left. Returns its last record with the change. */
  lose(tag: string, now: number): { readonly change: MembershipChange; readonly member: Member | undefined } {
    const member = this.#members.get(tag);
    const [, change] = this.#step(tag, "loss");
    if (member !== undefined) this.#counts[member.state] -= 1;
    this.#members.delete(tag);
    this.#lost.delete(tag);
    this.#lost.set(tag, now);
    this.#forgetLost(now);
    return { change, member };
  }

  #step(tag: string, signal: MemberSignal): readonly [MemberPhase, MembershipChange] {
    const phase = this.#members.get(tag)?.state ?? (this.#lost.has(tag) ? "lost" : "unknown");
    return MEMBER_STEPS[phase][signal] ?? [phase, undefined];
  }

  #put(member: Member): void {
    const before = this.#members.get(member.tag);
    if (before !== undefined) this.#counts[before.state] -= 1;
    this.#counts[member.state] += 1;
    this.#members.set(member.tag, member);
  }

  /** Losses are stored in their order. */
  #forgetLost(now: number): void {
    for (const [tag, at] of this.#lost) {
      if (this.#lost.size <= MAX_LOST && now - at < LOST_FOR) return;
      this.#lost.delete(tag);
    }
  }
}

/** Most bytes of a report. */
const MAX_REPORT = 1024;

/** Encodes the body of a STATE frame. */
export function encodeReport({ state, sessions, since }: NodeReport): Buffer {
  return Buffer.from(JSON.stringify({ state, sessions, since }));
}

/** Decodes the body of a STATE frame. Undefined: it is malformed. Members that later versions add are ignored. */
export function decodeReport(body: Buffer): NodeReport | undefined {
  if (body.length > MAX_REPORT) return undefined;
  const given = parseReport(body.toString());
  if (typeof given !== "object" || given === null) return undefined;
  const { state, sessions, since } = given as Record<string, unknown>;
  if (state !== "up" && state !== "draining") return undefined;
  return isWholeNumber(sessions) && isWholeNumber(since) ? { state, sessions, since } : undefined;
}

function isWholeNumber(given: unknown): given is number {
  return Number.isSafeInteger(given) && (given as number) >= 0;
}

function parseReport(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
