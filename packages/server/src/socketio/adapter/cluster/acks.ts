import type { Clock, Timer } from "../../../base/clock.ts";

/** Gets what other servers report about one broadcast. */
interface AckReceiver {
  onClientCount(clients: number): void;
  onAck(answer: unknown): void;
}

/** The broadcasts of this server whose acknowledgements come from clients of other servers. */
export class ClusterAcks {
  readonly #clock: Clock;
  readonly #broadcasts = new Map<string, { readonly receiver: AckReceiver; readonly timer: Timer }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many answers will come is not known here, so a broadcast ends when its time is over, after `ms` milliseconds. */
  add(id: string, receiver: AckReceiver, ms: number): void {
    const timer = this.#clock.after(ms, () => this.#broadcasts.delete(id));
    this.#broadcasts.set(id, { receiver, timer });
  }

  /** Another server has asked this many clients. */
  onClientCount(id: string, clients: number): void {
    this.#broadcasts.get(id)?.receiver.onClientCount(clients);
  }

  /** A client of another server has answered. */
  onAck(id: string, answer: unknown): void {
    this.#broadcasts.get(id)?.receiver.onAck(answer);
  }

  clear(): void {
    for (const { timer } of this.#broadcasts.values()) timer.cancel();
    this.#broadcasts.clear();
  }
}
