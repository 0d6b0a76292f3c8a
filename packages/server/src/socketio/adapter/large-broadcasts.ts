import { nextTurn } from "../../turn.ts";
import type { AdapterSocket } from "./surface.ts";

/** A broadcast is written to so many sockets in one turn of the event loop: about 10 ms, were they in nobody's cache. */
export const RECEIVERS_PER_TURN = 10_000;

/** A program that broadcasts faster than that has to wait, as for any other work: the oldest broadcast is finished first. */
const MOST_UNDERWAY = 8;

/** Broadcasts of this process that were too large for one turn, each of which got the next number. */
let begun = 0;
let underway = 0;

/** Whether sockets may have to catch up before anything else is done with them. */
// hot path
export function areBroadcastsUnderway(): boolean {
  return underway > 0;
}

/** A socket that has just come in gets nothing that was sent before. */
export function skipBroadcasts(socket: AdapterSocket): void {
  socket.broadcastsGot = begun;
}

/** A broadcast of which not everybody has had a turn. */
interface LargeBroadcast {
  readonly number: number;
  /** The sockets that have had no turn yet; some have caught up nevertheless. */
  readonly rest: Iterator<AdapterSocket>;
  /** Whether a socket was meant, had it not changed since. */
  isMeant(socket: AdapterSocket): boolean;
  send(socket: AdapterSocket): void;
}

/**
 * The broadcasts of a namespace to very many sockets, some thousands of them in a turn.
 *
 * Nobody can tell from what a socket gets: before anything else is sent to it, and before it joins or leaves a room, it
 * catches up. So each gets its packets in the order in which they were sent, and who is meant is decided by the rooms at
 * the time of the call, without a list of them being made.
 */
export class LargeBroadcasts {
  #underway: readonly LargeBroadcast[] = [];

  /**
   * @param receivers may change while the broadcast is underway
   * @param isMeant is asked for each of them, at its turn
   */
  start(
    receivers: Iterator<AdapterSocket>,
    isMeant: (socket: AdapterSocket) => boolean,
    send: (socket: AdapterSocket) => void,
  ): void {
    if (this.#underway.length >= MOST_UNDERWAY) this.#run(Infinity);
    begun += 1;
    underway += 1;
    this.#underway = [...this.#underway, { number: begun, rest: receivers, isMeant, send }];
    // Those before this one have a turn to come.
    if (this.#underway.length === 1) this.#takeTurn();
  }

  #takeTurn(): void {
    try {
      this.#run(RECEIVERS_PER_TURN);
    } finally {
      if (this.#underway.length > 0) nextTurn((broadcasts) => broadcasts.#takeTurn(), this as LargeBroadcasts);
    }
  }

  /** Goes on with the oldest. */
  #run(most: number): void {
    const [oldest] = this.#underway;
    if (oldest === undefined) return;
    for (let visited = 0; visited < most; visited++) {
      const { done, value } = oldest.rest.next();
      if (done) return this.#finish(oldest);
      this.catchUp(value);
    }
  }

  #finish(broadcast: LargeBroadcast): void {
    underway -= 1;
    this.#underway = this.#underway.filter((one) => one !== broadcast);
  }

  /** Sends a socket all that it has not got yet. */
  // hot path
  catchUp(socket: AdapterSocket): void {
    const got = socket.broadcastsGot ?? 0;
    const last = begun;
    if (got === last) return;
    // Listeners for what goes out may send something themselves: they find that the socket has caught up.
    socket.broadcastsGot = last;
    for (const broadcast of this.#underway) {
      if (broadcast.number > got && broadcast.number <= last && broadcast.isMeant(socket)) broadcast.send(socket);
    }
  }
}
