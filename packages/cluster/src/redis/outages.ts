import type { PendingCall } from "@portage/server/relay";
import type { NodeStart } from "../server-cluster.ts";
import { ClusterError } from "../core/errors.ts";
import type { RedisPort } from "./port.ts";

/** Milliseconds that a connection may be away before that is reported. */
const BRIEF_BREAK = 1000;

interface Trouble {
  /** What has happened. Default: Redis can't be reached. */
  readonly error?: Error;
  /** `now`: it is reported if it lasts. `before`: it has lasted. */
  readonly since: "now" | "before";
}

/**
 * Reports each outage once: `degraded` with the error of its first sign, `restored` when all is well again. A break of
 * less than a second is not an outage.
 */
export class Outages {
  readonly #node: NodeStart;
  readonly #troubles = new Map<unknown, Error>();
  readonly #stop: () => void;
  #phase: "well" | "degraded" = "well";
  #timer: PendingCall | undefined;

  constructor(port: RedisPort, node: NodeStart) {
    this.#node = node;
    this.#stop = port.observe({
      onInterrupted: (part, error) => this.begin(part, { error, since: "now" }),
      onRestored: (part) => this.end(part),
    });
  }

  begin(trouble: unknown, { error = new ClusterError("REDIS_UNAVAILABLE"), since }: Trouble): void {
    if (!this.#troubles.has(trouble)) this.#troubles.set(trouble, error);
    if (this.#phase === "degraded") return;
    if (since === "before") this.#report();
    else this.#timer ??= this.#node.clock.after(BRIEF_BREAK, () => this.#report());
  }

  #report(): void {
    this.#cancel();
    this.#phase = "degraded";
    const [error] = this.#troubles.values();
    this.#node.emit("degraded", error!);
  }

  end(trouble: unknown): void {
    if (!this.#troubles.delete(trouble) || this.#troubles.size > 0) return;
    this.#cancel();
    if (this.#phase === "well") return;
    this.#phase = "well";
    this.#node.emit("restored");
  }

  #cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  close(): void {
    this.#stop();
    this.#cancel();
  }
}
