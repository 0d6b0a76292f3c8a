/*
 * Broadcasts to so many sockets that one turn of the event loop is not enough.
 *
 * Every large broadcast of the process gets the next number (`begun`). Each socket stores the number of the last large
 * broadcast that it has got or skipped (`kBroadcastsGot`). A turn visits the receivers of the oldest broadcast; a visited
 * socket gets every broadcast between its own number and `begun`, in order, and then has the number `begun`.
 *
 * Invariant between calls: a queued broadcast was sent to a socket exactly if its number is not above the socket's own, and
 * every large broadcast that a socket has still to get is in the queue of its namespace.
 *
 * What would break the order: sending to a socket, or changing its rooms, without `catchUp()` first. A later packet would
 * overtake the broadcast, or the broadcast would consult rooms that changed after its call. A new socket must call
 * `skipBroadcasts()`, or it gets broadcasts that are older than itself.
 *
 * Cost: a turn visits at most 10,000 sockets of a namespace, and a namespace queues at most eight broadcasts.
 */
import { kBroadcastsGot } from "../keys.ts";
import { nextTurn, runNextTick } from "../../base/turn.ts";
import { failAdapter } from "../events/listener-errors.ts";
import type { AdapterSocket } from "./surface.ts";

/** Receivers that one turn of the event loop visits: about 10 ms when none of them is in the CPU's cache. */
export const RECEIVERS_PER_TURN = 10_000;

/** Queued broadcasts per namespace. One more finishes the oldest first, synchronously: this bounds the queue. */
const MOST_UNDERWAY = 8;

/** The number of the newest large broadcast of this process. */
let begun = 0;

/** By namespace and not by adapter, because a program may replace a namespace's adapter meanwhile. */
const queues = new Map<object, LargeBroadcasts>();

/** Whether any socket may have to catch up. */
export function areBroadcastsUnderway(): boolean {
  return queues.size > 0;
}

/** Marks a new socket as caught up, so that it gets only later broadcasts. */
export function skipBroadcasts(socket: AdapterSocket): void {
  socket[kBroadcastsGot] = begun;
}

/** Sends a socket the large broadcasts that it has not got yet. Call it before anything else is sent to the socket. */
export function catchUp(socket: AdapterSocket, nsp: object): void {
  if (queues.size > 0) queues.get(nsp)?.catchUp(socket);
}

/** Visits the sockets that are still connected. */
export function* presentOf(
  ids: Iterable<string>,
  sockets: ReadonlyMap<string, AdapterSocket>,
): IterableIterator<AdapterSocket> {
  for (const id of ids) {
    const socket = sockets.get(id);
    if (socket !== undefined) yield socket;
  }
}

/** A broadcast to very many sockets, as the adapter describes it. */
interface Broadcast {
  /** The candidates; the underlying collection may change while the broadcast is underway. */
  readonly receivers: Iterator<AdapterSocket>;
  /** Whether a candidate is a receiver; called when its turn comes. */
  isMeant(socket: AdapterSocket): boolean;
  send(socket: AdapterSocket): void;
  /** Called once, when every receiver has had its turn. */
  onFinished(): void;
}

/** Starts a broadcast: visits the first receivers at once, and the others in later turns. */
export function startBroadcast(nsp: object, broadcast: Broadcast): void {
  let queue = queues.get(nsp);
  if (queue === undefined) queues.set(nsp, (queue = new LargeBroadcasts(nsp)));
  queue.start(broadcast);
}

/** A broadcast with receivers left to visit. */
class Underway {
  readonly number: number;
  readonly broadcast: Broadcast;

  constructor(number: number, broadcast: Broadcast) {
    this.number = number;
    this.broadcast = broadcast;
  }
}

/** The queue of large broadcasts of one namespace; see the head of this file. */
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
    // With older ones queued, a turn is scheduled already.
    if (this.#underway.length === 1) this.#takeTurn();
  }

  #takeTurn(): void {
    this.#run(RECEIVERS_PER_TURN);
    if (this.#underway.length > 0) nextTurn((broadcasts) => broadcasts.#takeTurn(), this as LargeBroadcasts);
    else queues.delete(this.#nsp);
  }

  /** Continues the oldest broadcast. A listener that sends may finish it meanwhile. */
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
    // In its own tick: the callback may start another broadcast, or throw.
    runNextTick(() => callFinished(finished.broadcast, this.#nsp), undefined);
  }

  /** Sends a socket every broadcast with a higher number than its own. */
  catchUp(socket: AdapterSocket): void {
    const got = socket[kBroadcastsGot] ?? 0;
    const last = begun;
    if (got === last) return;
    // Set before sending: outgoing listeners may send as well, and must not start a second catch-up.
    socket[kBroadcastsGot] = last;
    for (const { number, broadcast } of this.#underway) {
      if (number > got && number <= last) this.#send(broadcast, socket);
    }
  }

  /** Reports an error instead of throwing: the caller is unrelated to this receiver, and the others must get theirs. */
  #send(broadcast: Broadcast, socket: AdapterSocket): void {
    try {
      if (broadcast.isMeant(socket)) broadcast.send(socket);
    } catch (error) {
      failAdapter(error, this.#nsp, "thrown");
    }
  }
}

function callFinished(broadcast: Broadcast, nsp: object): void {
  try {
    broadcast.onFinished();
  } catch (error) {
    failAdapter(error, nsp, "thrown");
  }
}
