import { RecoveringAdapter } from "../../../../packages/cluster/src/adapter/recovering-adapter.ts";
import { SimLog, SimLogServer } from "../../../support/cluster/sim-log.ts";
import { type SimRecord, SimStore } from "../../../support/cluster/sim-store.ts";
import { Bench, settle } from "../../socketio/peer.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { Mesh } from "../adapter-mesh.ts";

const ignore = (): void => undefined;

/** Servers with recovery over one log and one store, both in memory. */
export class RecoveryBench {
  readonly time = new FakeClock();
  readonly server = new SimLogServer();
  readonly mesh = new Mesh();
  readonly records = new Map<string, SimRecord>();
  readonly nodes: RecoveryNode[] = [];

  add(tag: string): RecoveryNode {
    const bus = this.mesh.add(tag);
    const log = new SimLog(this.server, this.time);
    const store = new SimStore({
      clock: this.time,
      position: (nsp) => this.server.position(nsp, undefined),
      records: this.records,
      travel: (_what, arrive) => void this.time.after(1, arrive),
    });
    const settings = {
      log,
      store,
      life: `life of ${tag}`,
      maxQueuedBytes: 1e6,
      maxReplayBytes: 1e6,
      onDegraded: ignore,
      onLag: ignore,
    };
    const adapter = (nsp: unknown): RecoveringAdapter => new RecoveringAdapter(nsp, bus, settings);
    const bench = new Bench({ connectionStateRecovery: {}, adapter });
    const failures: unknown[] = [];
    bench.io.on("handler_error", (error) => failures.push(error));
    const node = { tag, bench, io: bench.io, log, failures };
    this.nodes.push(node);
    return node;
  }

  /** The process of a node ends. */
  kill(node: RecoveryNode): void {
    this.mesh.kill(node.tag);
    this.server.nodes.delete(node.log);
    node.log.cut();
    node.bench.clock.forgetTimers();
    this.nodes.splice(this.nodes.indexOf(node), 1);
  }

  /** Time passes. */
  pass(ms: number): void {
    this.time.advance(ms);
    for (const { bench } of this.nodes) bench.clock.advance(ms);
  }

  /** Lets everything arrive. */
  async rest(): Promise<void> {
    for (let i = 0; i < 60; i++) {
      this.pass(5);
      await settle();
    }
  }
}

export interface RecoveryNode {
  readonly tag: string;
  readonly bench: Bench;
  readonly io: Bench["io"];
  readonly log: SimLog;
  readonly failures: unknown[];
}

export async function startNodes(...tags: string[]): Promise<RecoveryBench> {
  const bench = new RecoveryBench();
  for (const tag of tags) bench.add(tag);
  await bench.rest();
  return bench;
}
