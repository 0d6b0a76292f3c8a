import { type Clock, runNextTick, type TransportRequest } from "@portage/server/relay";
import type { Link } from "../links/link.ts";
import type { OwnerExchange } from "./owner.ts";

/** Most milliseconds for a front to answer a ping, once a request has come that would overlap one of its own. */
const PROBE_TIMEOUT = 1000;

/** Entries without an exchange that a table may have, beside as many as it has exchanges. */
const SPARE_ENTRIES = 1024;

/** At most one exchange for each session. The entry of a session whose exchange is over is emptied, see `EndTable`. */
class BySession {
  #exchanges = new Map<string, OwnerExchange | undefined>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get({ _query }: TransportRequest): OwnerExchange | undefined {
    return this.#exchanges.get(_query["sid"] ?? "");
  }

  add(exchange: OwnerExchange): void {
    if (this.get(exchange.req) === undefined) this.#size += 1;
    this.#exchanges.set(exchange.req._query["sid"] ?? "", exchange);
  }

  remove(exchange: OwnerExchange): void {
    if (this.get(exchange.req) !== exchange) return;
    this.#size -= 1;
    this.#exchanges.set(exchange.req._query["sid"] ?? "", undefined);
    if (this.#exchanges.size > 2 * this.#size + SPARE_ENTRIES) this.#dropEmpty();
  }

  #dropEmpty(): void {
    const entries = [...this.#exchanges].filter(([, exchange]) => exchange !== undefined);
    this.#exchanges = new Map(entries);
  }
}

/**
 * Requests that other nodes have forwarded: of each session, the last POST until it is answered, and the last poll until its
 * answer has arrived.
 */
export class PendingAtOwner {
  readonly #polls = new BySession();
  readonly #posts = new BySession();
  /** Requests that wait for the end of an exchange. */
  readonly #followers = new Map<OwnerExchange, (() => void)[]>();

  get size(): number {
    return this.#polls.size + this.#posts.size;
  }

  #tableOf({ method }: TransportRequest): BySession | undefined {
    if (method === "GET") return this.#polls;
    return method === "POST" ? this.#posts : undefined;
  }

  /** Returns the pending exchange that a request would overlap. */
  find(req: TransportRequest): OwnerExchange | undefined {
    return this.#tableOf(req)?.get(req);
  }

  add(exchange: OwnerExchange): void {
    this.#tableOf(exchange.req)?.add(exchange);
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
    this.#tableOf(exchange.req)?.remove(exchange);
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
