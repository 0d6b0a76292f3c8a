import { kBroadcastsGot } from "../keys.ts";
import { nextTurn, runNextTick } from "../../base/turn.ts";
import { failAdapter } from "../events/listener-errors.ts";
import type { AdapterSocket } from "./surface.ts";

/** A broadcast is written to so many sockets in one turn of the event loop: about 10 ms, were they in nobody's cache. */
export const RECEIVERS_PER_TURN = 10_000;

/** A program that broadcasts faster than that has to wait, as for any other work: the oldest broadcast is finished first. */
const MOST_UNDERWAY = 8;

/** Broadcasts of this process that were too large for one turn, each of which got the next number. */
let begun = 0;

/** What is underway, by namespace: whichever adapter has begun it, and whichever the namespace has got since. */
const queues = new Map<object, LargeBroadcasts>();

/** Whether sockets may have to catch up before anything else is done with them. */
export function areBroadcastsUnderway(): boolean {
  return queues.size > 0;
}

/** A socket that has just come in gets nothing that was sent before. */
export function skipBroadcasts(socket: AdapterSocket): void {
  socket[kBroadcastsGot] = begun;
}

/** Sends a socket what it has not got yet of broadcasts to very many; done before anything else is sent to it. */
export function catchUp(socket: AdapterSocket, nsp: object): void {
  if (queues.size > 0) queues.get(nsp)?.catchUp(socket);
}

/** A broadcast to very many, as its adapter wants it. */
interface Broadcast {
  /** Those who may be meant; they may change while the broadcast is underway. */
  readonly receivers: Iterator<AdapterSocket>;
  /** Whether a socket is meant: asked for each of them, at its turn. */
  isMeant(socket: AdapterSocket): boolean;
  send(socket: AdapterSocket): void;
  /** Everybody has had a turn. */
  onFinished(): void;
}

/** Begins a broadcast, for which everybody in the namespace gets a turn. */
export function startBroadcast(nsp: object, broadcast: Broadcast): void {
  let queue = queues.get(nsp);
  if (queue === undefined) queues.set(nsp, (queue = new LargeBroadcasts(nsp)));
  queue.start(broadcast);
}

/** A broadcast of which not everybody has had a turn. */
class Underway {
  readonly number: number;
  readonly broadcast: Broadcast;

  constructor(number: number, broadcast: Broadcast) {
    this.number = number;
    this.broadcast = broadcast;
  }
}

/**
 * The broadcasts of a namespace to very many sockets, some thousands of them in a turn.
 *
 * Nobody can tell from what a socket gets: before anything else is sent to it, and before it joins or leaves a room, it
 * catches up. So each gets its packets in the order in which they were sent, and who is meant is decided by the rooms at
 * the time of the call, without a list of them being made.
 */
class LargeBroadcasts {
  readonly #nsp: object;
  #underway: readonly Underway[] = [];

  constructor(nsp: object) {
    this.#nsp = nsp;
  }

  start(broadcast: Broadcast): void {
    if (this.#underway.length >= MOST_UNDERWAY) this.#run(Infinity);
    begun += 1;
    this.#underway = [...this.#underway, new Underway(begun, broadcast)];
    // Those before this one have a turn to come.
    if (this.#underway.length === 1) this.#takeTurn();
  }

  #takeTurn(): void {
    this.#run(RECEIVERS_PER_TURN);
    if (this.#underway.length > 0) nextTurn((broadcasts) => broadcasts.#takeTurn(), this as LargeBroadcasts);
    else queues.delete(this.#nsp);
  }

  /** Goes on with the oldest. A listener that sends may have it finished meanwhile. */
  #run(most: number): void {
    const [oldest] = this.#underway;
    if (oldest === undefined) return;
    for (let visited = 0; visited < most; visited++) {
      const { done, value } = oldest.broadcast.receivers.next();
      if (done) return this.#finish(oldest);
      this.catchUp(value);
    }
  }

  #finish(finished: Underway): void {
    this.#underway = this.#underway.filter((one) => one !== finished);
    // In a tick of its own: whoever hears of it may begin another one, or throw.
    runNextTick(() => tellFinished(finished.broadcast, this.#nsp), undefined);
  }

  /** Sends a socket all that it has not got yet. */
  catchUp(socket: AdapterSocket): void {
    const got = socket[kBroadcastsGot] ?? 0;
    const last = begun;
    if (got === last) return;
    // Listeners for what goes out may send something themselves: they find that the socket has caught up.
    socket[kBroadcastsGot] = last;
    for (const { number, broadcast } of this.#underway) {
      if (number > got && number <= last) this.#send(broadcast, socket);
    }
  }

  /** Whoever called has nothing to do with this one receiver, and the others have a claim to theirs. */
  #send(broadcast: Broadcast, socket: AdapterSocket): void {
    try {
      if (broadcast.isMeant(socket)) broadcast.send(socket);
    } catch (error) {
      failAdapter(error, this.#nsp, "thrown");
    }
  }
}

function tellFinished(broadcast: Broadcast, nsp: object): void {
  try {
    broadcast.onFinished();
  } catch (error) {
    failAdapter(error, nsp, "thrown");
  }
}
