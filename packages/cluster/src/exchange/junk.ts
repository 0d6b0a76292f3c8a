/*
 * Session ids that no node knows.
 *
 * An id of a tag that no node has costs nothing. One with the tag of a living node costs a forwarded exchange, so that a client
 * could make this node work for it. Theory: each address has a budget of such exchanges, which fills again with time. Once it is
 * empty, requests from that address are forwarded only if their session was found before: a balancer has one address for all
 * its clients. What is remembered is bounded: two generations of ids, and of addresses; the older one is dropped as a whole.
 */
import type { Clock } from "@portage/server/relay";
import type { AnswerHead, Decoded } from "../core/heads.ts";

/** Characters of a session id that another process is asked for. A longer one is answered as unknown, and nothing keeps it. */
export const LONGEST_SID = 256;

/** How the engine's answer begins, for an id that it does not know. */
const UNKNOWN_SID = Buffer.from('{"code":1,');

/** Whether an owner does not know the session of a request. */
export const isUnknownSid = ({ head, first }: Decoded<AnswerHead>): boolean =>
  head.status === 400 && first.subarray(0, UNKNOWN_SID.length).equals(UNKNOWN_SID);

/** Entries of a generation. */
const GENERATION = 5000;

interface Budget {
  left: number;
  at: number;
}

/** A map that keeps the latest entries, between one and two generations of them. */
class Recent<Value> {
  #young = new Map<string, Value>();
  #old = new Map<string, Value>();

  get(key: string): Value | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }

  delete(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  set(key: string, value: Value): void {
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }
}

/** Decides whether a request is worth a forwarded exchange. */
export class JunkGuard {
  readonly #clock: Pick<Clock, "now">;
  readonly #most: number;
  readonly #budgets = new Recent<Budget>();
  readonly #known = new Recent<true>();

  /** @param most unknown ids that an address may send in a second, and at once */
  constructor(clock: Pick<Clock, "now">, most: number) {
    this.#clock = clock;
    this.#most = most;
  }

  /** Whether a request may be forwarded. */
  admits(address: string, sid: string): boolean {
    const budget = this.#budgets.get(address);
    if (budget === undefined) return true;
    this.#refill(budget);
    return budget.left >= 1 || this.#known.get(sid) === true;
  }

  /** An owner has the session. */
  recordKnown(sid: string): void {
    this.#known.set(sid, true);
  }

  /** An owner does not know the session, or not any more. */
  recordUnknown(address: string, sid: string): void {
    this.#known.delete(sid);
    let budget = this.#budgets.get(address);
    if (budget === undefined) this.#budgets.set(address, (budget = { left: this.#most, at: this.#clock.now() }));
    this.#refill(budget);
    budget.left = Math.max(0, budget.left - 1);
  }

  #refill(budget: Budget): void {
    const now = this.#clock.now();
    budget.left = Math.min(this.#most, budget.left + ((now - budget.at) * this.#most) / 1000);
    budget.at = now;
  }
}
