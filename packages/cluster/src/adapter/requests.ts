import { type Clock, MissingAnswersError, type PendingCall } from "@portage/server/relay";

/*
 * Requests to other nodes, each with the tags of the nodes that have not answered.
 *
 * Invariant between calls: a request in the table waits for at least one node, has a running timer, and has not ended.
 * It leaves the table with exactly one call of `onEnd`: by the last answer, by the loss of the last node it waits for, or
 * by the timer. `onEnd` is called after the removal, because a program may ask again inside.
 */

/** Gets the answers to a request, and an error when some are missing. */
export type OnAllAnswers = (error: MissingAnswersError | null, answers: unknown[]) => void;

/** A request to other nodes. */
export interface PendingOptions {
  /** The tags of the nodes that have to answer. */
  readonly asked: readonly string[];
  /** The answers of this node. */
  readonly answers: unknown[];
  /** Time to answer, in milliseconds. */
  readonly ms: number;
  readonly onEnd: OnAllAnswers;
  /** Number of answers after which the others are not waited for. Default: all. */
  readonly enough?: number;
}

interface PendingRequest {
  readonly enough: number;
  readonly answers: unknown[];
  readonly waiting: Set<string>;
  /** Nodes that will not answer any more. */
  readonly missing: string[];
  readonly timer: PendingCall;
  readonly onEnd: OnAllAnswers;
}

/** The pending requests of this node. */
export class Requests {
  readonly #clock: Clock;
  readonly #requests = new Map<number, PendingRequest>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#requests.size;
  }

  /** Adds a request. Without nodes to ask, it ends at once. */
  add(id: number, { asked, answers, ms, onEnd, enough = Infinity }: PendingOptions): void {
    if (asked.length === 0) return onEnd(null, answers);
    const timer = this.#clock.after(ms, () => this.#expire(id));
    this.#requests.set(id, { answers, waiting: new Set(asked), missing: [], timer, onEnd, enough });
  }

  /** Adds the answer of a node, any number of values. */
  answer(id: number, from: string, values: readonly unknown[]): void {
    const request = this.#requests.get(id);
    // A second answer, or one of a node that was not asked, does not count.
    if (request === undefined || !request.waiting.delete(from)) return;
    for (const value of values) request.answers.push(value);
    this.#endIfComplete(id, request);
  }

  /** A node could not answer. */
  fail(id: number, from: string): void {
    const request = this.#requests.get(id);
    if (request === undefined || !request.waiting.delete(from)) return;
    request.missing.push(from);
    this.#endIfComplete(id, request);
  }

  /** Stops waiting for a node. `isMissed`: it may live on, so that its answers are missing. */
  lose(tag: string, isMissed: boolean): void {
    for (const [id, request] of this.#requests) {
      if (!request.waiting.delete(tag)) continue;
      if (isMissed) request.missing.push(tag);
      this.#endIfComplete(id, request);
    }
  }

  /** Ends all requests, as if their time were over. */
  close(): void {
    for (const id of this.#requests.keys()) this.#expire(id);
  }

  #endIfComplete(id: number, { waiting, missing, answers, timer, onEnd, enough }: PendingRequest): void {
    if (waiting.size > 0 && answers.length < enough) return;
    timer.cancel();
    this.#requests.delete(id);
    const isComplete = missing.length === 0 || answers.length >= enough;
    onEnd(isComplete ? null : new MissingAnswersError("CLUSTER_ANSWERS_MISSING", { answers, missing }), answers);
  }

  #expire(id: number): void {
    const request = this.#requests.get(id);
    if (request === undefined) return;
    const { answers, missing, waiting, timer, onEnd } = request;
    timer.cancel();
    this.#requests.delete(id);
    onEnd(new MissingAnswersError("CLUSTER_TIMEOUT", { answers, missing: [...missing, ...waiting] }), answers);
  }
}
