import type { Server, ServerOptions } from "@portage/server";
import { BusAdapter } from "../../../packages/cluster/src/adapter/bus-adapter.ts";
import type { LinkBus } from "../../../packages/cluster/src/adapter/bus.ts";
import { Bench, type PeerOptions, settle } from "../socketio/peer.ts";
import { Mesh, type MeshOptions } from "./adapter-mesh.ts";

/** A node: a server on an engine in memory, with links to the other nodes. */
export interface TestNode {
  readonly tag: string;
  readonly io: Server;
  readonly bench: Bench;
  readonly bus: LinkBus;
  /** Errors of adapters, by `handler_error`. */
  readonly failures: unknown[];
  /** Returns the number of requests of a namespace that lack answers. */
  pending(nsp?: string): number;
}

/** Servers in a cluster, with clients on the wire. */
export class ClusterBench {
  readonly mesh: Mesh;
  readonly nodes: TestNode[] = [];
  readonly #options: Partial<ServerOptions>;

  constructor(tags: readonly string[], options: Partial<ServerOptions> = {}, mesh: MeshOptions = {}) {
    this.mesh = new Mesh(mesh);
    this.#options = options;
    for (const tag of tags) this.add(tag);
  }

  add(tag: string): TestNode {
    const bus = this.mesh.add(tag);
    const adapters = new Map<string, BusAdapter>();
    const adapter = (nsp: { name: string }): BusAdapter => {
      const made = new BusAdapter(nsp, bus);
      adapters.set(nsp.name, made);
      return made;
    };
    const bench = new Bench({ ...this.#options, adapter });
    const failures: unknown[] = [];
    bench.io.on("handler_error", (error) => failures.push(error));
    const pending = (nsp = "/"): number => adapters.get(nsp)?.pending ?? 0;
    const node: TestNode = { tag, io: bench.io, bench, bus, failures, pending };
    this.nodes.push(node);
    return node;
  }

  /** Connects a client to a node. */
  join(index: number, nsp?: string, options?: PeerOptions): ReturnType<Bench["join"]> {
    return this.nodes[index]!.bench.join(nsp, options);
  }

  /** Moves the clocks of all nodes on. */
  async advance(ms: number): Promise<void> {
    for (const { bench } of this.nodes) bench.clock.advance(ms);
    await settle();
    await settle();
  }
}

/** Three nodes with a client each. */
export async function trio(options?: Partial<ServerOptions>, mesh?: MeshOptions) {
  const cluster = new ClusterBench(["aaaa", "bbbb", "cccc"], options, mesh);
  const [a, b, c] = [await cluster.join(0), await cluster.join(1), await cluster.join(2)];
  const [one, two, three] = cluster.nodes as [TestNode, TestNode, TestNode];
  /** What each client has received since the last call. */
  const heard = async () => [await a.peer.hear(), await b.peer.hear(), await c.peer.hear()];
  return { cluster, mesh: cluster.mesh, a, b, c, one, two, three, heard };
}
