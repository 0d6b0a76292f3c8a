import type { Clock, PendingCall } from "../../../base/clock.ts";

/** Handles the reports of other servers about one broadcast. */
interface AckReceiver {
  onClientCount(clients: number): void;
  onAck(answer: unknown): void;
}

/** The broadcasts of this server that clients of other servers may still acknowledge. */
export class ClusterAcks {
  readonly #clock: Clock;
  readonly #broadcasts = new Map<string, { readonly receiver: AckReceiver; readonly timer: PendingCall }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Registers a broadcast for `ms` milliseconds: the number of answers is unknown here, so only time ends it. */
  add(id: string, receiver: AckReceiver, ms: number): void {
    const timer = this.#clock.after(ms, () => this.#broadcasts.delete(id));
    this.#broadcasts.set(id, { receiver, timer });
  }

  /** Passes on the number of clients that another server has asked. */
  addClientCount(id: string, clients: number): void {
    this.#broadcasts.get(id)?.receiver.onClientCount(clients);
  }

  /** Passes on the answer of a client of another server. */
  addAnswer(id: string, answer: unknown): void {
    this.#broadcasts.get(id)?.receiver.onAck(answer);
  }

  clear(): void {
    for (const { timer } of this.#broadcasts.values()) timer.cancel();
    this.#broadcasts.clear();
  }
}
