import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { vi } from "vitest";
import { Program } from "./programs.ts";

/** An event of `io.cluster`. */
export interface Noticed {
  readonly name: "node" | "lost";
  readonly tag: string;
  readonly state: string;
  readonly reason?: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** What a node says about itself. */
export interface NodeReport {
  readonly tag: string;
  /** Messages that arrived twice, not at all, or out of order. */
  readonly faults: readonly string[];
  readonly events: readonly Noticed[];
  /** When polls were refused, by the name of the refusal: milliseconds since 1970. */
  readonly refusedPolls: Readonly<Record<string, readonly number[]>>;
  readonly totals: { readonly ups: number; readonly downs: number; readonly sessions: number };
  /** Describes each session that is open. */
  readonly open: readonly string[];
  readonly sockets: number;
  /** `io.stats()`. */
  readonly stats: Readonly<Record<string, unknown>>;
  readonly handles: number;
}

/** A server process. */
export interface Node {
  readonly pid: number;
  readonly port: number;
  ask<T = unknown>(question: string, value?: unknown): Promise<T>;
  report(): Promise<NodeReport>;
  kill(signal: NodeJS.Signals): void;
}

export interface NodePlan {
  readonly count: number;
  /** Default: Portage. */
  readonly library?: "@portage/server" | "socket.io";
  /** Whether the processes are a cluster. Default: true. */
  readonly isCluster?: boolean;
  /** Options of the server. */
  readonly options?: object;
  /** Options of the cluster. */
  readonly cluster?: object;
  /** The URL of Redis, where they meet instead of in a directory. Each has an address of its own then. */
  readonly redis?: string | undefined;
  /** Whether a primary of node:cluster passes sockets to the owners of their sessions. */
  readonly passes?: boolean;
}

/** Where nodes meet. */
export type NodePlace = Pick<NodePlan, "redis">;

/** A directory, and Redis if there is one, with names for tests. */
export function placesWith(redis: { readonly url: string } | undefined): (readonly [name: string, place: NodePlace])[] {
  return redis === undefined
    ? [["a directory", {}]]
    : [
        ["a directory", {}],
        ["Redis", { redis: redis.url }],
      ];
}

/** Server processes, which share a port or have one each. */
export interface Nodes {
  readonly all: readonly Node[];
  /** Stops them, and removes what they left. */
  stop(): Promise<void>;
}

function planOf(plan: NodePlan, directory: string, index = 0): Record<string, unknown> {
  const { library = "@portage/server", isCluster = true, options = {}, cluster = {}, redis } = plan;
  const place = redis === undefined ? { directory } : { name: basename(directory), links: { host: linkHost(index) } };
  return { library, options, redis, port: 0, ...(isCluster && { cluster: { ...place, ...cluster } }) };
}

/** An address of this host for the links of a node; node-program.mjs knows links by it. */
const linkHost = (index: number): string => `127.0.1.${index + 1}`;

const nodeOf = (program: Program, port: number, { pid, worker }: { pid: number; worker?: number }): Node => ({
  pid,
  port,
  ask: (question, value) => program.ask(question, value, worker),
  report: () => program.ask("report", undefined, worker),
  kill: (signal) => void process.kill(pid, signal),
});

/** Starts a process for each node, with a port each, for a balancer. */
export async function startNodes(plan: NodePlan): Promise<Nodes> {
  const directory = await mkdtemp(join(tmpdir(), "portage-nodes-"));
  const envOf = (index: number): { NODE_PLAN: string } => ({
    NODE_PLAN: JSON.stringify(planOf(plan, directory, index)),
  });
  const programs = Array.from({ length: plan.count }, (_, index) => new Program("node-program.mjs", envOf(index)));
  const stop = async (): Promise<void> => {
    await Promise.all(programs.map((program) => program.stop()));
    await rm(directory, { recursive: true, force: true });
  };
  return started(plan, stop, async () => {
    const ports = await Promise.all(programs.map((program) => program.ready()));
    return programs.map((program, index) => nodeOf(program, ports[index] as number, program));
  });
}

/** Starts a primary of node:cluster, with the nodes as its workers: they share a port, and there is no balancer. */
export async function startWorkers(plan: NodePlan): Promise<Nodes> {
  const directory = await mkdtemp(join(tmpdir(), "portage-nodes-"));
  const env = { NODE_PLAN: JSON.stringify({ ...planOf(plan, directory), workers: plan.count, passes: plan.passes }) };
  const primary = new Program("primary-program.mjs", env);
  const stop = async (): Promise<void> => {
    await primary.stop();
    await rm(directory, { recursive: true, force: true });
  };
  return started(plan, stop, async () => {
    const port = (await primary.ready()) as number;
    const pids = await primary.ask<number[]>("pids");
    return pids.map((pid, worker) => nodeOf(primary, port, { pid, worker }));
  });
}

/** Waits until all nodes have found each other. */
async function started(plan: NodePlan, stop: () => Promise<void>, start: () => Promise<Node[]>): Promise<Nodes> {
  try {
    const all = await start();
    if (plan.isCluster ?? true) await whenJoined(all);
    return { all, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Waits until each of these nodes knows all of them, and no others. */
export async function whenJoined(nodes: readonly Node[]): Promise<void> {
  await vi.waitFor(
    async () => {
      const known = await Promise.all(nodes.map((node) => node.ask<{ tag: string; state: string }[]>("nodes")));
      for (const each of known) {
        const up = each.filter(({ state }) => state === "up");
        if (up.length !== nodes.length) throw new Error(`${up.length} of ${nodes.length} nodes are known`);
      }
    },
    { timeout: 20_000, interval: 50 },
  );
}
