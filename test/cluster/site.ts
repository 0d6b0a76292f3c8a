import { afterEach } from "vitest";
import { type Balancer, balance } from "./balancers.ts";
import { Load } from "./load.ts";
import { type Node, type NodePlan, startNodes, startWorkers } from "./nodes.ts";

/** Nodes and the addresses at which clients reach them. */
export interface Site {
  readonly nodes: readonly Node[];
  readonly urls: readonly string[];
}

const ends: (() => Promise<unknown>)[] = [];

/** Stops after each test of this file what the functions below have started, in reverse. */
export function tidyUp(): void {
  afterEach(async () => {
    while (ends.length > 0) await ends.pop()?.();
  });
}

/** Starts nodes. */
export async function nodesOf(plan: NodePlan): Promise<readonly Node[]> {
  const nodes = await startNodes(plan);
  ends.push(() => nodes.stop());
  return nodes.all;
}

/** Starts nodes behind balancers of one kind: a process of one has a limited number of connections. */
export async function siteBehind(balancer: Balancer, plan: NodePlan, balancers = 1): Promise<Site> {
  const nodes = await nodesOf(plan);
  const ports = nodes.map(({ port }) => port);
  const urls: string[] = [];
  while (urls.length < balancers) {
    const server = await balance(balancer, ports);
    ends.push(() => server.stop());
    urls.push(server.url);
  }
  return { nodes, urls };
}

/** Starts workers of node:cluster on one port. */
export async function siteOfWorkers(plan: NodePlan): Promise<Site> {
  const workers = await startWorkers(plan);
  ends.push(() => workers.stop());
  return { nodes: workers.all, urls: [`http://127.0.0.1:${workers.all[0]!.port}`] };
}

/** Starts processes for clients. */
export async function clientsOf(processes: number): Promise<Load> {
  const load = await Load.start(processes);
  ends.push(() => load.stop());
  return load;
}
