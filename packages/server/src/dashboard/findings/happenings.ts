import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { type CloseReason, kCongestion } from "../../engine/index.ts";
import type { BoardCore } from "../part.ts";
import { type BoardSession, type BoardSocket, networkOf } from "../sockets.ts";
import { Counts } from "./counts.ts";
import { countTimers, KeptSockets } from "./kept-sockets.ts";
import type { Snapshot } from "./snapshot.ts";

/** Timers are counted for so many sessions at most: 1,000 take 0.1 ms. */
const MOST_COUNTED = 10_000;
/** Slow clients at a time. */
const MOST_SLOW_CLIENTS = 256;
/** Seconds for which a client that was cut for its slowness is still named. */
const CUT_MEMORY = 30;
/** Seconds that connections take to end and to return if all are cut once. */
const BURST = 5;
/** From this delay on, in milliseconds, a ping timeout is our own. */
const OUR_DELAY = 200;

/** Refusals at a limit, with the option that is meant. */
const LIMIT_REFUSALS: Readonly<Record<string, string>> = {
  TOO_MANY_CONNECTIONS: "maxConnections",
  TOO_MANY_CONNECTIONS_FROM_ADDRESS: "maxConnectionsPerAddress",
  TOO_MANY_CONNECTIONS_OF_USER: "maxConnectionsPerUser",
  TOO_MANY_HANDSHAKES: "maxHandshakesPerSecond",
  FORWARD_OVERLOADED: "cluster",
};

interface RefusedRequest {
  readonly req: { readonly _query?: Readonly<Record<string, string | undefined>> };
  readonly name: string;
  readonly server: unknown;
}

interface Slow {
  readonly session: BoardSession;
  readonly since: number;
  bytes: number;
  cutAt: number | undefined;
}

/** What has happened to sessions and sockets in the last minute, from the diagnostics channels. */
export class Happenings {
  readonly #core: BoardCore;
  readonly opened = new Counts();
  /** Ends by the network, by address. */
  readonly lost = new Counts();
  readonly timeouts = new Counts();
  readonly refused = new Counts();
  readonly strangers = new Counts();
  readonly kept: KeptSockets;
  readonly #slow = new Map<string, Slow>();
  /** When the bus was late, in seconds, and by how many milliseconds. */
  lag: { readonly at: number; readonly ms: number } | undefined;

  constructor(core: BoardCore) {
    this.#core = core;
    this.kept = new KeptSockets(() => (core.io.engine?.clientsCount < MOST_COUNTED ? countTimers() : Infinity));
  }

  readonly #listeners: Readonly<Record<string, (message: never) => void>> = {
    "portage.session.open": ({ session }: { session: BoardSession }) => {
      if (this.#core.isOurs(session)) this.opened.add("");
    },
    "portage.session.close": ({ session, reason }: { session: BoardSession; reason: CloseReason }) => {
      if (this.#core.isOurs(session)) this.#onClose(session, reason);
    },
    "portage.limit": ({ session, code }: { session: BoardSession; code: string }) => {
      if (code !== "SLOW_READER" || !this.#core.isOurs(session) || this.#slow.size >= MOST_SLOW_CLIENTS) return;
      if (!this.#slow.has(session.id))
        this.#slow.set(session.id, { session, since: this.#now(), bytes: session.bufferedBytes, cutAt: undefined });
    },
    "portage.refusal": (refused: RefusedRequest) => this.#onRefusal(refused),
    "portage.namespace.leave": ({ socket }: { socket: BoardSocket }) => {
      if (socket.server === this.#core.io) this.kept.left(socket, this.#now());
    },
  };

  #now(): number {
    return this.#core.clock.now() / 1000;
  }

  readonly #onLag = (ms: number): void => {
    this.lag = { at: this.#now(), ms };
  };

  start(): void {
    for (const [name, listener] of Object.entries(this.#listeners))
      subscribe(name, listener as (message: unknown) => void);
    this.#core.io.cluster?.on("lagging", this.#onLag);
  }

  stop(): void {
    for (const [name, listener] of Object.entries(this.#listeners))
      unsubscribe(name, listener as (message: unknown) => void);
    this.#core.io.cluster?.off("lagging", this.#onLag);
  }

  #onClose(session: BoardSession, reason: CloseReason): void {
    if (reason.code === "PING_TIMEOUT") this.timeouts.add((reason.loopLag ?? 0) >= OUR_DELAY ? "ours" : "theirs");
    if (reason.side === "network") this.lost.add(networkOf(session.remoteAddress));
    const slow = this.#slow.get(session.id);
    if (slow !== undefined) slow.cutAt = this.#now();
  }

  #onRefusal({ req, name, server }: RefusedRequest): void {
    if (!this.#core.isOurs({ server })) return;
    const option = LIMIT_REFUSALS[name];
    if (option !== undefined) this.refused.add(option);
    const sid = req._query?.["sid"];
    // The client of a session that has ended may ask once more.
    if (name === "UNKNOWN_SID" && sid !== undefined && !this.#core.sessionIds.hasEnded(sid)) this.strangers.add("");
  }

  /** A second is over. */
  turn(): void {
    const now = this.#now();
    for (const counts of [this.opened, this.lost, this.timeouts, this.refused, this.strangers]) counts.turn();
    this.kept.turn(now);
    for (const [sid, slow] of this.#slow) {
      slow.bytes = Math.max(slow.bytes, slow.session.bufferedBytes);
      const isOver =
        slow.cutAt === undefined ? slow.session[kCongestion]?.isSlow !== true : now - slow.cutAt > CUT_MEMORY;
      if (isOver) this.#slow.delete(sid);
    }
  }

  /** Returns the slow clients, those with most queued bytes first. */
  slow(who: (sid: string) => string): Snapshot["slow"] {
    const now = this.#now();
    const all = [...this.#slow.values()].sort((a, b) => b.bytes - a.bytes);
    return all.map(({ session, bytes, since }) => ({ who: who(session.id), bytes, seconds: now - since }));
  }

  /** Returns the sessions that the network has ended in the last 30 s, and whether it was not only once. */
  lostNow(): Snapshot["lost"] {
    const sums = this.lost.sums(30);
    const count = sums.reduce((all, [, some]) => all + some, 0);
    const [network = "", most = 0] = sums[0] ?? [];
    return { count, network, share: count === 0 ? 0 : most / count, again: this.lost.besideBurst(60, BURST) };
  }
}
