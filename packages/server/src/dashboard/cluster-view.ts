/*
 * The nodes of the cluster: each is asked for a summary and its findings while a page is open.
 * Knows: the nodes of the option `cluster`, and how to ask them.
 * Must not know: how questions travel.
 */
import { performance } from "node:perf_hooks";
import { SERVER_VERSION } from "../socketio/host/version.ts";
import { findingsToReport, readFindings } from "./node-findings.ts";
import type { OtherNodes } from "./nodes.ts";
import type { BoardCore, BoardPart } from "./part.ts";
import type { Finding, NodeRow } from "./wire.ts";

/** Milliseconds between two questions to a node. */
const PULL_INTERVAL = 5000;
const MOST_NODES = 64;
/** Milliseconds for which findings stand without a new answer: a node with a late event loop answers late. */
const FINDINGS_STAND = 15_000;

/** What a node says of itself. */
type Summary = Pick<NodeRow, "version" | "age" | "connections" | "loopLag" | "heap">;

function summaryOf({ io }: BoardCore): Summary {
  const { sessions, loop } = io.stats();
  return {
    version: SERVER_VERSION,
    age: Math.round(performance.now()),
    connections: sessions.open,
    loopLag: loop.lag,
    heap: process.memoryUsage().heapUsed,
  };
}

/** Returns a summary of another node, which may have another version. */
function readSummary(answer: unknown): Summary | undefined {
  if (typeof answer !== "object" || answer === null) return undefined;
  const { version, age, connections, loopLag, heap } = answer as Summary;
  const isRead = typeof version === "string" && [age, connections, loopLag, heap].every(Number.isFinite);
  return isRead ? { version: version.slice(0, 60), age, connections, loopLag, heap } : undefined;
}

interface Heard {
  readonly at: number;
  readonly summary: Summary | undefined;
  readonly findings: readonly Finding[];
  readonly answered: boolean;
}

class ClusterView {
  readonly #core: BoardCore;
  readonly #nodes: OtherNodes;
  /** The last answers, by tag. */
  #heard = new Map<string, Heard>();
  #pulledAt = -Infinity;
  #pull: Promise<void> = Promise.resolve();

  constructor(core: BoardCore, nodes: OtherNodes) {
    this.#core = core;
    this.#nodes = nodes;
  }

  async look(): Promise<readonly NodeRow[]> {
    await this.#refresh();
    return (this.#core.io.cluster?.nodes() ?? []).slice(0, MOST_NODES).map((node) => this.#row(node));
  }

  /** Called once a second: each page begins with the findings of all nodes. */
  onSecond(): void {
    if (this.#core.hasViewers()) void this.#refresh();
    else this.#core.showFindingsOfOthers([]);
  }

  #refresh(): Promise<void> {
    const now = this.#core.clock.now();
    if (now - this.#pulledAt < PULL_INTERVAL) return this.#pull;
    this.#pulledAt = now;
    return (this.#pull = this.#askAll());
  }

  async #askAll(): Promise<void> {
    const heard = new Map<string, Heard>();
    const ask = async (tag: string): Promise<void> => {
      const answer = await this.#nodes.ask(tag, "summary", {});
      const summary = readSummary(answer);
      const before = this.#heard.get(tag);
      const findings = readFindings(tag, Object(answer)["findings"]);
      if (summary !== undefined) heard.set(tag, { at: Date.now(), summary, findings, answered: true });
      else if (before !== undefined) heard.set(tag, { ...before, answered: false });
    };
    await Promise.all(this.#nodes.tags.slice(0, MOST_NODES).map(ask));
    // A node without a link is not asked: what it said last stays as long as it is listed.
    for (const { tag } of this.#core.io.cluster?.nodes() ?? []) {
      const before = this.#heard.get(tag);
      if (before !== undefined && !heard.has(tag)) heard.set(tag, { ...before, answered: false });
    }
    this.#heard = heard;
    this.#core.showFindingsOfOthers([...heard.values()].flatMap(findingsNow));
  }

  #row({ tag, state, since, sessions, via }: ClusterNodeOf): NodeRow {
    const self = via === "self";
    const heard = self ? { at: Date.now(), summary: summaryOf(this.#core) } : this.#heard.get(tag);
    // A node without a live page is known by what its links report.
    const unknown = { version: "", age: Math.max(0, Date.now() - since), connections: sessions, loopLag: 0, heap: 0 };
    const isSilent = state === "silent" || this.#heard.get(tag)?.answered === false;
    return {
      tag,
      self,
      ...(heard?.summary ?? unknown),
      state: isSilent ? "silent" : state,
      heard: heard?.at ?? (isSilent ? since : Date.now()),
    };
  }
}

const findingsNow = ({ at, findings }: Heard): readonly Finding[] => (Date.now() - at < FINDINGS_STAND ? findings : []);

type ClusterNodeOf = ReturnType<NonNullable<BoardCore["io"]["cluster"]>["nodes"]>[number];

/** The part that shows the nodes of the cluster. */
export function createCluster(core: BoardCore): BoardPart {
  const { nodes } = core;
  if (!nodes.mayBe) return {};
  const view = new ClusterView(core, nodes);
  nodes.answer("summary", () => {
    core.takeQuestion();
    return { ...summaryOf(core), findings: core.sessionIds.hide(findingsToReport(core.findings)) };
  });
  core.everySecond(() => view.onSecond());
  return { features: ["cluster"], views: { cluster: () => view.look() } };
}
