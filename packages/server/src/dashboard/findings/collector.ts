import { type Sampler, roomOf } from "../sampling/sampler.ts";
import { ROLLING_SECONDS } from "../sampling/rolling.ts";
import { kReceiving } from "../../engine/index.ts";
import type { ServerReport } from "../../index.ts";
import { sizeOfRoom } from "../../socketio/index.ts";
import type { BoardCore } from "../part.ts";
import { AskedCollection } from "./asked-collection.ts";
import { countListeners, RollingCensus } from "./census.ts";
import { GrowthWatch } from "./growth.ts";
import { Happenings } from "./happenings.ts";
import { HeapWatch } from "./heap.ts";
import { HotClients } from "./hot-clients.ts";
import { limitsInForce } from "../limits.ts";
import { LoopMeter, oldBytes } from "./loop-meter.ts";
import { ClientNames } from "./names.ts";
import type { BusyRoom, Snapshot } from "./snapshot.ts";

/** Events that a snapshot names at most. */
const NAMED_EVENTS = 5;
/** The least growth of the server's own listeners: a program adds them when it starts, and hardly later. */
const LEAST_OWN_LISTENERS = 15;
/** Seconds for which a lag of the bus counts. */
const LAG_MEMORY = 15;

const isEmitter = (value: object | undefined): value is NodeJS.EventEmitter =>
  value !== undefined && "eventNames" in value && "listenerCount" in value;

/** Makes a snapshot once a second. */
export class Collector {
  readonly #core: BoardCore;
  readonly #sampler: Sampler;
  readonly #happenings: Happenings;
  readonly #census: RollingCensus;
  readonly #names: ClientNames;
  readonly #growth = new GrowthWatch();
  readonly #heap = new HeapWatch();
  readonly #collection = new AskedCollection();
  readonly #hot = new HotClients();
  readonly #loop: LoopMeter;
  #last: number;
  #watched = 0;

  constructor(core: BoardCore, sampler: Sampler) {
    this.#core = core;
    this.#sampler = sampler;
    this.#happenings = new Happenings(core);
    this.#census = new RollingCensus(core.io, core.clock);
    this.#names = new ClientNames(core);
    this.#loop = new LoopMeter(core.clock, () => this.#onOldCollected());
    this.#last = core.clock.now();
  }

  start(): void {
    this.#last = this.#core.clock.now();
    this.#happenings.start();
    this.#loop.start();
  }

  stop(): void {
    this.#happenings.stop();
    this.#loop.stop();
  }

  #onOldCollected(): void {
    this.#heap.collected(oldBytes());
    const now = this.#core.clock.now() / 1000;
    this.#happenings.kept.collected(now);
    this.#collection.collected(now);
  }

  /** While a page is open, here or at another node: a person waits for the answer. */
  #decide(now: number): void {
    if (!this.#core.isWatched()) return;
    if (this.#heap.isUndecided()) this.#collection.ask("heap", now);
    else if (this.#happenings.kept.isUndecided(now)) this.#collection.ask("closed sockets", now);
  }

  /** A second is over. Returns undefined before the server has an engine of its own. */
  turn(): Snapshot | undefined {
    const now = this.#core.clock.now();
    this.#loop.turn(now - this.#last);
    this.#last = now;
    this.#watched += 1;
    this.#happenings.turn();
    this.#census.turn();
    this.#hot.turn(this.#sampler.sendersLately);
    const { io } = this.#core;
    if (io.engine === undefined || !(kReceiving in io.engine)) return undefined;
    const report = io.stats();
    const { sessions, bytes } = report;
    const { pendingAcks, listeners } = this.#census.result;
    this.#heap.turn(oldBytes(), sessions.open);
    this.#growth.turn(sessions.open, [
      ["rooms", "count", this.#sharedRooms()],
      ["pending acknowledgements", "count", pendingAcks],
      ["queued packets", "bytes", sessions.slow > 0 ? 0 : bytes.waiting],
      ["listeners of sockets", "count", listeners],
      ["listeners of the server", "count", this.#ownListeners(), LEAST_OWN_LISTENERS],
    ]);
    this.#decide(now / 1000);
    return this.#snapshot(report);
  }

  /** Rooms, without the own room of each socket. */
  #sharedRooms(): number {
    let rooms = 0;
    for (const { adapter, sockets } of this.#core.io._nsps.values())
      rooms += Math.max(0, ((adapter.rooms as { readonly size?: number } | undefined)?.size ?? 0) - sockets.size);
    return rooms;
  }

  #ownListeners(): number {
    const { io } = this.#core;
    const namespaces = [...io._nsps.values()].slice(0, 100);
    const emitters = [process, io.engine, io.httpServer, ...namespaces, ...namespaces.map(({ adapter }) => adapter)];
    // Adapters of others may be no emitters.
    return emitters.filter(isEmitter).reduce((sum, emitter) => sum + countListeners(emitter), 0);
  }

  #snapshot(report: ServerReport): Snapshot {
    const { sessions } = report;
    const happened = this.#happenings;
    const timeouts = new Map(happened.timeouts.sums(60));
    return {
      watched: this.#watched,
      loop: {
        p99: this.#loop.p99,
        own: this.#loop.own,
        stalls: this.#loop.stalls,
        habit: this.#loop.habit,
        busy: this.#loop.share("busy"),
        gc: this.#loop.share("gc"),
        worked: this.#loop.share("worked"),
        crowded: this.#loop.share("crowded"),
      },
      sessions: { open: sessions.open, old: sessions.byRevision["3"] ?? 0 },
      slow: happened.slow((sid) => this.#names.of(sid)),
      ...this.#traffic(),
      ...this.#events(),
      growing: [...this.#growth.growing(), ...this.#heap.growing()],
      kept: happened.kept.report(),
      networks: this.#census.result.networks,
      opened: happened.opened.total(30),
      lost: happened.lostNow(),
      timeouts: { ours: timeouts.get("ours") ?? 0, theirs: timeouts.get("theirs") ?? 0 },
      strangers: { count: happened.strangers.total(60), seconds: happened.strangers.busySeconds(60) },
      refused: happened.refused.sums(30).map(([option, count]) => ({ option, count })),
      limits: this.#limits(),
      cluster: this.#cluster(),
    };
  }

  #traffic(): Pick<Snapshot, "deliveries" | "incoming"> {
    const { rooms, senders, in: received, out } = this.#sampler;
    const [sender] = senders.top(1);
    const incoming = { rate: received.all.rate, active: senders.size };
    const share = sender === undefined ? 0 : (sender.weight - sender.error) / senders.total;
    return {
      deliveries: { rate: out.all.rate, active: rooms.size, top: this.#busiestRoom() },
      incoming: {
        ...incoming,
        // The name of a client may call the program, so it is asked for if it matters.
        top:
          sender && share > 0.1
            ? {
                who: this.#names.of(sender.key),
                handle: this.#core.handles.of(sender.key),
                share,
                seconds: this.#hot.secondsOf(sender.key),
              }
            : undefined,
      },
    };
  }

  #busiestRoom(): BusyRoom | undefined {
    const { rooms, addressed } = this.#sampler;
    const [busiest] = rooms.top(1);
    if (busiest === undefined) return undefined;
    const { key, weight, error } = busiest;
    const place = roomOf(key);
    const nsp = this.#core.io._nsps.get(place.namespace);
    const members = nsp?.adapter.rooms === undefined ? 0 : sizeOfRoom(nsp.adapter.rooms, place.room);
    const broadcasts = Math.max(1, addressed.weightOf(key));
    const toAnother = (addressed.total - broadcasts) / Math.max(1, addressed.size - 1);
    return {
      ...place,
      share: (weight - error) / rooms.total,
      receivers: weight / broadcasts,
      timesTheOthers: broadcasts / Math.max(1, toAnother),
      members: members / Math.max(1, this.#core.io.engine.clientsCount),
    };
  }

  #events(): Pick<Snapshot, "handlers" | "failures" | "acks"> {
    const rows = this.#sampler.in.rows();
    const busy = Math.max(0.01, this.#loop.share("busy")) * ROLLING_SECONDS * 1000;
    const handlers = rows
      .map(({ name: event, namespace, handling, handlerTimes, longest }) => ({
        event,
        namespace,
        share: handling.sum / busy,
        p99: (handlerTimes?.quantile(0.99) ?? 0) / 1000,
        longest,
      }))
      .sort((a, b) => b.share - a.share || b.longest - a.longest)
      .slice(0, NAMED_EVENTS);
    const failures = rows.map(({ name: event, namespace, failures: { sum } }) => ({ event, namespace, count: sum }));
    const acks = this.#sampler.out.rows().map(({ name: event, namespace, awaited, unanswered }) => ({
      event,
      namespace,
      awaited: awaited.sum,
      unanswered: unanswered.sum,
    }));
    return {
      handlers,
      failures: failures.sort((a, b) => b.count - a.count).slice(0, NAMED_EVENTS),
      acks: acks.sort((a, b) => b.unanswered - a.unanswered).slice(0, NAMED_EVENTS),
    };
  }

  #limits(): Snapshot["limits"] {
    return limitsInForce(this.#core).flatMap(({ name, value, used }) =>
      used === undefined ? [] : [{ name, value, used }],
    );
  }

  #cluster(): Snapshot["cluster"] {
    const { io, clock } = this.#core;
    const { lag } = this.#happenings;
    const isLate = lag !== undefined && clock.now() / 1000 - lag.at < LAG_MEMORY;
    const silent = io.cluster?.nodes().filter(({ state }) => state === "silent") ?? [];
    return { lag: isLate ? lag.ms : 0, silent: silent.map(({ tag }) => tag) };
  }
}
