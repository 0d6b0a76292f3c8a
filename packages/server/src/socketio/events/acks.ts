import type { Clock, PendingCall } from "../../base/clock.ts";
import { AckTimeoutError } from "../report/errors.ts";

/** Called with the client's answer. */
export type AckCallback = (...args: unknown[]) => void;

/** The pending acknowledgements of a socket, by packet id. Adapters add to it. */
export type PendingAcks = Map<number, AckCallback>;

/** Counts acknowledgements that did not arrive in time. */
export interface AckTally {
  ackTimeouts: number;
}

/** Stores an acknowledgement for `ms` milliseconds: `call` gets an error, or `null` and the answer. */
export function expectAckWithin(
  acks: PendingAcks,
  id: number,
  { ms, clock, tally, call }: { ms: number; clock: Clock; tally: AckTally; call: (args: unknown[]) => void },
): void {
  const timer = clock.after(ms, () => {
    acks.delete(id);
    tally.ackTimeouts += 1;
    call([new AckTimeoutError()]);
  });
  acks.set(id, (...args) => {
    timer.cancel();
    call([null, ...args]);
  });
}

/**
 * Emits with an acknowledgement that settles the returned promise.
 *
 * @param withError whether the acknowledgement takes an error first, as after `timeout()`
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

/**
 * Emits to many with an acknowledgement that settles the returned promise: with the responses, or with an error that has
 * those that arrived in time.
 */
export function promiseResponses(emit: (ack: AckCallback) => void): Promise<unknown> {
  return promiseAck(true, (ack) =>
    emit((error, responses) => {
      if (error) Object.assign(error, { responses });
      ack(error, responses);
    }),
  );
}

/** Collects the answers to a broadcast. Complete when every server has reported its clients, and all clients answered. */
export class AckCollector {
  readonly #responses: unknown[] = [];
  readonly #onEnd: (error: AckTimeoutError | null, responses: unknown[]) => void;
  readonly #timer: PendingCall;
  #clients = 0;
  #serversHeard = 0;
  #servers = -1;
  #isOver = false;

  /** @param ms the time to answer, in milliseconds */
  constructor(clock: Clock, ms: number, onEnd: (error: AckTimeoutError | null, responses: unknown[]) => void) {
    this.#onEnd = onEnd;
    this.#timer = clock.after(ms, () => this.#end(new AckTimeoutError()));
  }

  /** Whether the collection has ended, complete or not. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Sets the number of servers. */
  setServerCount(servers: number): void {
    this.#servers = servers;
    this.#check();
  }

  /** Adds the number of clients that one server has asked. */
  addClientCount(clients: number): void {
    this.#clients += clients;
    this.#serversHeard++;
    this.#check();
  }

  /** Adds the answer of a client. */
  addResponse(response: unknown): void {
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
