import type { HeavyKeys } from "../sampling/sketch.ts";
import { BARS } from "./bars.ts";

/** Seconds that are remembered. */
const HOT_SECONDS = 20;

/** Who sent a large share of what came in, in each of the last seconds. A client that uploads a file does so for a while. */
export class HotClients {
  #ids: readonly (string | undefined)[] = [];

  /** Takes the clients of one second. */
  turn(senders: HeavyKeys): void {
    const [top] = senders.top(1);
    const isHot =
      top !== undefined && top.weight > BARS.hotClient.share * senders.total && top.weight >= BARS.hotClient.rate;
    this.#ids = [...this.#ids, isHot ? top.key : undefined].slice(-HOT_SECONDS);
  }

  /** In how many of the last 20 seconds this client was it. */
  secondsOf(sid: string): number {
    return this.#ids.filter((id) => id === sid).length;
  }
}
