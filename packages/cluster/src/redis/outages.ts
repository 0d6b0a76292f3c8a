import type { NodeStart } from "../server-cluster.ts";
import { ClusterError } from "../core/errors.ts";
import type { RedisPort } from "./port.ts";

/** Reports each outage once: `degraded` with its first sign, `restored` when all is well again. */
export class Outages {
  readonly #node: NodeStart;
  readonly #troubles = new Set<unknown>();
  readonly #stop: () => void;

  constructor(port: RedisPort, node: NodeStart) {
    this.#node = node;
    this.#stop = port.observe({
      onInterrupted: (part, error) => this.begin(part, error),
      onRestored: (part) => this.end(part),
    });
  }

  begin(trouble: unknown, error: Error = new ClusterError("REDIS_UNAVAILABLE")): void {
    this.#troubles.add(trouble);
    if (this.#troubles.size === 1) this.#node.emit("degraded", error);
  }

  end(trouble: unknown): void {
    if (this.#troubles.delete(trouble) && this.#troubles.size === 0) this.#node.emit("restored");
  }

  close(): void {
    this.#stop();
  }
}
