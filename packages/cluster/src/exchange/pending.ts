import { type Clock, runNextTick, type TransportRequest } from "@portage/server/relay";
import type { Link } from "../links/link.ts";
import type { OwnerExchange } from "./owner.ts";

/** Most milliseconds for a front to answer a ping, once a request has come that would overlap one of its own. */
const PROBE_TIMEOUT = 1000;

/**
 * Requests that other nodes have forwarded: of each session, the last POST until it is answered, and the last poll until its
 * answer has arrived.
 */
export class PendingAtOwner {
  readonly #polls = new Map<string, OwnerExchange>();
  readonly #posts = new Map<string, OwnerExchange>();
  /** Requests that wait for the end of an exchange. */
  readonly #followers = new Map<OwnerExchange, (() => void)[]>();

  get size(): number {
    return this.#polls.size + this.#posts.size;
  }

  #mapOf({ method }: TransportRequest): Map<string, OwnerExchange> | undefined {
    if (method === "GET") return this.#polls;
    return method === "POST" ? this.#posts : undefined;
  }

  /** Returns the pending exchange that a request would overlap. */
  find(req: TransportRequest): OwnerExchange | undefined {
    return this.#mapOf(req)?.get(req._query["sid"] ?? "");
  }

  add(exchange: OwnerExchange): void {
    this.#mapOf(exchange.req)?.set(exchange.req._query["sid"] ?? "", exchange);
  }

  /** Calls `handle` when an exchange is over, and the engine knows it. */
  follow(exchange: OwnerExchange, handle: () => void): void {
    const followers = this.#followers.get(exchange);
    if (followers) followers.push(handle);
    else this.#followers.set(exchange, [handle]);
  }

  /** The exchange is over. */
  end(exchange: OwnerExchange): void {
    this.remove(exchange);
    const followers = this.#followers.get(exchange);
    if (!followers) return;
    this.#followers.delete(exchange);
    // The engine learns of the end in the next tick.
    runNextTick((handles) => runNextTick(callHandles, handles), followers);
  }

  remove(exchange: OwnerExchange): void {
    if (this.find(exchange.req) === exchange) this.#mapOf(exchange.req)?.delete(exchange.req._query["sid"] ?? "");
  }
}

const callHandles = (handles: readonly (() => void)[]): void => {
  for (const handle of handles) handle();
};

/** Calls `answer` once: with true if the peer has answered a ping; with false if its link has closed, or it is silent. */
export function askPeer(clock: Clock, link: Link, answer: (isThere: boolean) => void): void {
  let answerOnce: ((isThere: boolean) => void) | undefined = answer;
  const settle = (isThere: boolean): void => {
    timer.cancel();
    answerOnce?.(isThere);
    answerOnce = undefined;
  };
  const timer = clock.after(PROBE_TIMEOUT, () => settle(false));
  link.probe().then(settle, () => settle(false));
}
