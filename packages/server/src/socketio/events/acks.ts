import type { Clock, Timer } from "../../base/clock.ts";
import { AckTimeoutError } from "../report/errors.ts";

/** What is called when a client answers. */
export type AckCallback = (...args: unknown[]) => void;

/** The acknowledgements that a socket waits for. Adapters write to it. */
export type PendingAcks = Map<number, AckCallback>;

/** Waits `ms` milliseconds for the answer to packet `id`: `call` gets either an error, or `null` and the answer. */
export function expectAckWithin(
  acks: PendingAcks,
  id: number,
  { ms, clock, call }: { ms: number; clock: Clock; call: (args: unknown[]) => void },
): void {
  const timer = clock.after(ms, () => {
    acks.delete(id);
    call([new AckTimeoutError()]);
  });
  acks.set(id, (...args) => {
    timer.cancel();
    call([null, ...args]);
  });
}

/**
 * Emits with an acknowledgement that settles a promise.
 *
 * @param withError whether an error comes first in the acknowledgement, as it does after `timeout()`
 */
export function promiseAck(withError: boolean, emit: (ack: AckCallback) => void): Promise<unknown> {
  return new Promise((resolve, reject) => {
    emit((first, second) => {
      if (!withError) resolve(first);
      else if (first) reject(first);
      else resolve(second);
    });
  });
}

/** Collects the answers to a broadcast: complete when every server has said how many clients it asked, and all answered. */
export class AckCollector {
  readonly #responses: unknown[] = [];
  readonly #onEnd: (error: AckTimeoutError | null, responses: unknown[]) => void;
  readonly #timer: Timer;
  #clients = 0;
  #serversHeard = 0;
  #servers = -1;
  #isOver = false;

  /** @param ms time to answer, in milliseconds */
  constructor(clock: Clock, ms: number, onEnd: (error: AckTimeoutError | null, responses: unknown[]) => void) {
    this.#onEnd = onEnd;
    this.#timer = clock.after(ms, () => this.#end(new AckTimeoutError()));
  }

  /** Whether nobody waits for answers any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** There are so many servers. */
  onServerCount(servers: number): void {
    this.#servers = servers;
    this.#check();
  }

  /** One of the servers has asked so many clients. */
  onClientCount(clients: number): void {
    this.#clients += clients;
    this.#serversHeard++;
    this.#check();
  }

  /** One of the clients has answered. */
  onResponse(response: unknown): void {
    if (this.#isOver) return;
    this.#responses.push(response);
    this.#check();
  }

  #check(): void {
    if (this.#servers === this.#serversHeard && this.#responses.length === this.#clients) this.#end(null);
  }

  #end(error: AckTimeoutError | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer.cancel();
    this.#onEnd(error, this.#responses);
  }
}
