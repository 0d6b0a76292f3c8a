import type { Clock, Timer } from "../../../base/clock.ts";
import { SocketIoError } from "../../report/errors.ts";
import type { ServerId } from "./messages.ts";

/** The end of a request: the answers, and an error when some are missing. */
export type OnAnswers = (error: Error | null, answers: unknown[]) => void;

interface Request {
  readonly onEnd: OnAnswers;
  readonly answers: unknown[];
  readonly timer: Timer;
  /** How many answers are missing. */
  missing: number;
  /** Who has not answered, where that is known. */
  readonly silent: Set<ServerId> | undefined;
}

/** Whose answers a request waits for: so many servers, or these. */
export type Asked = number | Iterable<ServerId>;

/** Whether there are no other servers to ask. */
export function isEmpty(asked: Asked): boolean {
  return typeof asked === "number" ? asked <= 0 : [...asked].length === 0;
}

/** The questions to other servers that are not answered by all of them yet. */
export class ClusterRequests {
  readonly #clock: Clock;
  readonly #requests = new Map<string, Request>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param request `answers` are those that are there already */
  add(id: string, { asked, answers, onEnd }: { asked: Asked; answers: unknown[]; onEnd: OnAnswers }, ms: number): void {
    const silent = typeof asked === "number" ? undefined : new Set(asked);
    const missing = silent === undefined ? (asked as number) : silent.size;
    const timer = this.#clock.after(ms, () => this.#expire(id));
    this.#requests.set(id, { onEnd, answers, timer, missing, silent });
  }

  /** A server has answered with any number of values. */
  answer(id: string, from: ServerId, values: unknown[]): void {
    const request = this.#requests.get(id);
    if (request === undefined) return;
    // A server that answers twice, or was not asked, must not stand for one that is silent.
    if (request.silent !== undefined && !request.silent.delete(from)) return;
    for (const value of values) request.answers.push(value);
    this.#oneLess(id, request);
  }

  /** A server is gone: nobody waits for it any more. */
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
