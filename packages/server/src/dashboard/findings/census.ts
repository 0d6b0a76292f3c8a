import type { Clock } from "../../base/clock.ts";
import type { Server } from "../../index.ts";
import { kPendingAcks } from "../../socketio/keys.ts";
import { isLeading } from "../connection.ts";
import { type BoardSocket, networkOf } from "../sockets.ts";
import type { NetworkSnapshot } from "./snapshot.ts";

/** Sockets that one turn visits at most, and at least: a pass over few of them takes one turn. */
const MOST_A_TURN = 2000;
const LEAST_A_TURN = 500;
/** Turns that a pass takes, between these two. */
const TURNS = 10;
/** Milliseconds after which a client should have left polling. */
const AGE = 30_000;
const MOST_NETWORKS = 1024;
/** Sockets whose listeners are counted, all if they are so few: one that leaks must be in each pass. */
const SAMPLED = 256;

/** What a pass over all sockets has found. */
export interface CensusResult {
  readonly networks: readonly NetworkSnapshot[];
  /** Acknowledgements that sockets wait for. */
  readonly pendingAcks: number;
  /** Listeners of all sockets, estimated from some. */
  readonly listeners: number;
}

/** Counts the listeners of an emitter. */
export function countListeners(emitter: Pick<NodeJS.EventEmitter, "eventNames" | "listenerCount">): number {
  return emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0);
}

/** One pass. */
class CensusPass {
  readonly #networks = new Map<string, { connections: number; stuck: number }>();
  readonly #offers = new Map<string, boolean>();
  readonly #sampleShare: number;
  #pendingAcks = 0;
  #sockets = 0;
  #sampled = 0;
  #listeners = 0;

  constructor(sockets: number) {
    this.#sampleShare = SAMPLED / Math.max(1, sockets);
  }

  visit(socket: BoardSocket, now: number): void {
    this.#sockets += 1;
    this.#pendingAcks += socket[kPendingAcks]?.size ?? 0;
    if (Math.random() < this.#sampleShare) {
      this.#sampled += 1;
      this.#listeners += countListeners(socket) + countListeners(socket.conn);
    }
    const { conn } = socket;
    if (now - conn.openedAt < AGE || conn.readyState !== "open" || !isLeading(socket)) return;
    const name = networkOf(conn.remoteAddress);
    const network = this.#networks.get(name) ?? { connections: 0, stuck: 0 };
    network.connections += 1;
    if (this.#mayUpgrade(conn)) network.stuck += 1;
    if (this.#networks.size < MOST_NETWORKS) this.#networks.set(name, network);
  }

  #mayUpgrade({ transport: { name }, server }: BoardSocket["conn"]): boolean {
    const known = this.#offers.get(name);
    if (known !== undefined) return known;
    const offers = server.upgrades(name).length > 0;
    this.#offers.set(name, offers);
    return offers;
  }

  get result(): CensusResult {
    const networks = [...this.#networks].map(([network, counts]) => ({ network, ...counts }));
    const listeners = (this.#listeners / Math.max(1, this.#sampled)) * this.#sockets;
    return { networks, pendingAcks: this.#pendingAcks, listeners };
  }
}

/** Visits all sockets again and again, some in each second. Makes no Set, Map or handshake of theirs. */
export class RollingCensus {
  readonly #io: Server;
  readonly #clock: Clock;
  #sockets: Iterator<BoardSocket> | undefined;
  #pass: CensusPass | undefined;
  result: CensusResult = { networks: [], pendingAcks: 0, listeners: 0 };

  constructor(io: Server, clock: Clock) {
    this.#io = io;
    this.#clock = clock;
  }

  /** Visits the next sockets. */
  turn(): void {
    const count = [...this.#io._nsps.values()].reduce((sum, nsp) => sum + nsp.sockets.size, 0);
    this.#sockets ??= eachSocket(this.#io);
    const pass = (this.#pass ??= new CensusPass(count));
    const now = this.#clock.now();
    const most = Math.min(MOST_A_TURN, Math.max(LEAST_A_TURN, Math.ceil(count / TURNS)));
    for (let visited = 0; visited < most; visited++) {
      const { done, value } = this.#sockets.next();
      if (done === true) return this.#finish(pass);
      pass.visit(value, now);
    }
  }

  #finish(pass: CensusPass): void {
    this.result = pass.result;
    this.#pass = undefined;
    this.#sockets = undefined;
  }
}

/** The sockets of all namespaces. */
export function* eachSocket(io: Server): Generator<BoardSocket, undefined> {
  for (const nsp of io._nsps.values()) yield* nsp.sockets.values();
}
