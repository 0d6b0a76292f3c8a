import { expect, vi } from "vitest";
import type { Server } from "socket.io";
import type { Socket } from "socket.io-client";
import { CLIENTS, type Connect } from "../clients.ts";
import { type Running, serve } from "./host.ts";
import type { Target } from "../targets.ts";
import { nextEvent, PATIENCE } from "../waiting.ts";

/** Type of the option `adapter`. */
type AdapterOption = NonNullable<ConstructorParameters<typeof Server>[1]>["adapter"];

/** A way to connect servers to a cluster: an adapter or other options for each, and a cleanup. */
export interface Bus {
  adapter(): Promise<{ adapter?: AdapterOption; options?: object; end: () => Promise<unknown> }>;
}

/** The servers of one cluster. */
export interface Cluster {
  readonly nodes: readonly [Running, Running];
  stop(): Promise<void>;
}

const connect = CLIENTS["socket.io-client 4.8"] as Connect;

/** Waits until a check passes, as work of a bus ends without an event. */
export function eventually(check: () => Promise<void>): Promise<void> {
  return vi.waitFor(check, { timeout: PATIENCE, interval: 5 });
}

/** Starts a server of each kind, and waits until they have found each other. */
export async function startCluster(bus: Bus, makes: readonly [Target, Target], options: object = {}): Promise<Cluster> {
  const parts = await Promise.all([bus.adapter(), bus.adapter()]);
  const start = (index: 0 | 1): Promise<Running> =>
    serve(makes[index], { ...options, ...parts[index].options, adapter: parts[index].adapter });
  const nodes = [await start(0), await start(1)] as const;
  await eventually(async () => {
    expect(await Promise.all(nodes.map(({ io }) => io.of("/").adapter.serverCount()))).toEqual([2, 2]);
  });
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()));
    await Promise.all(parts.map(({ end }) => end()));
  };
  return { nodes, stop };
}

/** Connects a client to a server. */
export async function clientOf(url: string, options: object = {}): Promise<Socket> {
  const client = connect(url, { transports: ["websocket"], ...options });
  await nextEvent(client, "connect");
  return client;
}
