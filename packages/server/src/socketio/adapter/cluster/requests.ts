/*
 * Requests to other servers. A request has an id, its answers, and the servers that have not answered (`silent`), or their
 * number (`missing`) when the adapter does not know their ids.
 *
 * Invariant between calls: a request in the table has `missing` > 0, a running timer, and has not called `onEnd`. With ids,
 * `missing` equals `silent.size`. Each request leaves the table with exactly one call of `onEnd`: by the last answer, by
 * the last departure of a silent server, or by the timer.
 *
 * What would break it: counting an answer without removing its server from `silent`. A server that answers twice would
 * then end the request in place of a silent one. Calling `onEnd` before the removal would let a program that asks again,
 * or throws, end the request twice.
 */
import type { Clock, PendingCall } from "../../../base/clock.ts";
import { SocketIoError } from "../../report/errors.ts";
import type { ServerId } from "./messages.ts";

/** Gets the answers to a request, and an error when some are missing. */
export type OnAnswers = (error: Error | null, answers: unknown[]) => void;

interface Request {
  readonly onEnd: OnAnswers;
  readonly answers: unknown[];
  readonly timer: PendingCall;
  /** The number of missing answers. */
  missing: number;
  /** The servers that have not answered, if the adapter knows its servers. */
  readonly silent: Set<ServerId> | undefined;
}

/** The servers that have to answer a request: their number, or their ids. */
export type Asked = number | Iterable<ServerId>;

/** Whether the list of servers to ask is empty. */
export function isEmpty(asked: Asked): boolean {
  return typeof asked === "number" ? asked <= 0 : [...asked].length === 0;
}

/** The pending requests of this server to the others. */
export class ClusterRequests {
  readonly #clock: Clock;
  readonly #requests = new Map<string, Request>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param request `answers` has the answers of this server */
  add(id: string, { asked, answers, onEnd }: { asked: Asked; answers: unknown[]; onEnd: OnAnswers }, ms: number): void {
    const silent = typeof asked === "number" ? undefined : new Set(asked);
    const missing = silent === undefined ? (asked as number) : silent.size;
    const timer = this.#clock.after(ms, () => this.#expire(id));
    this.#requests.set(id, { onEnd, answers, timer, missing, silent });
  }

  /** Adds the answer of a server, any number of values. */
  answer(id: string, from: ServerId, values: unknown[]): void {
    const request = this.#requests.get(id);
    if (request === undefined) return;
    // An unknown server or a second answer must not count for a silent server.
    if (request.silent !== undefined && !request.silent.delete(from)) return;
    for (const value of values) request.answers.push(value);
    this.#oneLess(id, request);
  }

  /** Stops waiting for a server that is gone. */
  forget(server: ServerId): void {
    for (const [id, request] of this.#requests) {
      if (request.silent?.delete(server)) this.#oneLess(id, request);
    }
  }

  #oneLess(id: string, request: Request): void {
    if (--request.missing > 0) return;
    request.timer.cancel();
    this.#requests.delete(id);
    request.onEnd(null, request.answers);
  }

  #expire(id: string): void {
    const request = this.#requests.get(id);
    if (request === undefined) return;
    request.timer.cancel();
    this.#requests.delete(id);
    const message = `timeout reached: missing ${request.missing} responses`;
    request.onEnd(new SocketIoError("CLUSTER_TIMEOUT", message), request.answers);
  }
}
