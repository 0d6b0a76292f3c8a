import type { LogPosition } from "../../../../packages/cluster/src/order/log.ts";
import { OrderedNamespace } from "../../../../packages/cluster/src/order/ordered-namespace.ts";
import { SimLog, SimLogServer } from "../../../support/cluster/sim-log.ts";
import { SimClock } from "../simulation/sim-clock.ts";

export const NSP = "/";

/** An event: who has emitted it, and its number there. */
export interface SimEvent {
  readonly from: string;
  readonly count: number;
}

/** What a client gets: an event, and its offset unless the node was degraded. */
export interface Received {
  readonly event: SimEvent;
  readonly position: LogPosition | undefined;
}

export const nameOf = ({ from, count }: SimEvent): string => `${from} ${count}`;
const encode = (event: SimEvent): Buffer => Buffer.from(JSON.stringify(event));
const decode = (payload: Buffer): SimEvent => JSON.parse(payload.toString()) as SimEvent;

/** A client, from its first connection until it could not resume. */
export class SimSession {
  readonly received: Received[] = [];
  readonly id: string;
  /** Where the node was when the session began. */
  readonly start: LogPosition | undefined;
  /** The events that some node had delivered by then. */
  readonly before: ReadonlySet<string>;
  /** What its node has emitted while it was there, if that has ended the session. */
  farewell: readonly SimEvent[] | undefined;
  /** Number of events that its node had emitted when it came. */
  since = 0;

  constructor(id: string, start: LogPosition | undefined, before: ReadonlySet<string>) {
    this.id = id;
    this.start = start;
    this.before = before;
  }

  /** What the client offers when it returns; undefined: it can't resume. */
  get offset(): LogPosition | undefined {
    const last = this.received.at(-1);
    return last === undefined ? this.start : last.position;
  }
}

/** A node, with the clients that are connected to it. */
export class SimNode {
  readonly name: string;
  readonly log: SimLog;
  readonly events: OrderedNamespace<SimEvent>;
  readonly sessions = new Set<SimSession>();
  readonly emitted: SimEvent[] = [];
  readonly reports: string[] = [];
  isRunning = true;
  /** Sessions that were closed because events were lost. */
  lost = 0;

  readonly #world: SimWorld;

  constructor(name: string, world: SimWorld, maxQueuedBytes: number, lag?: SimLog["lag"]) {
    this.name = name;
    this.#world = world;
    const clock = world.clock.of(this);
    this.log = new SimLog(world.server, clock);
    if (lag !== undefined) this.log.lag = lag;
    this.events = new OrderedNamespace<SimEvent>(
      {
        nsp: NSP,
        writer: name,
        log: this.log,
        clock,
        atEndOfTurn: (fn) => queueMicrotask(() => this.isRunning && fn()),
        maxQueuedBytes,
      },
      {
        decode,
        deliver: (event, position, skipped) => {
          world.delivered.add(nameOf(event));
          for (const session of this.sessions) {
            if (!skipped?.includes(session.id)) session.received.push({ event, position });
          }
        },
        onLost: () => {
          this.lost += 1;
          this.sessions.clear();
        },
        onAhead: (sids) => {
          for (const session of this.sessions) if (sids.includes(session.id)) this.sessions.delete(session);
        },
        onDegraded: (isDegraded) => this.reports.push(isDegraded ? "degraded" : "restored"),
        onLag: () => undefined,
        onDropped: () => this.reports.push("dropped"),
      },
    );
    this.events.open();
  }

  emit(): SimEvent {
    const event = { from: this.name, count: this.emitted.length + 1 };
    this.emitted.push(event);
    this.events.emit(event, encode(event));
    return event;
  }

  /** A client connects for the first time. */
  connect(id: string): SimSession {
    const session = new SimSession(id, this.events.delivered, new Set(this.#world.delivered));
    this.#admit(session);
    return session;
  }

  #admit(session: SimSession): void {
    session.since = this.emitted.length;
    this.sessions.add(session);
  }

  /** The program ends the session of a client. */
  disconnect(session: SimSession): void {
    this.events.finish(session.id, (event) => session.received.push({ event, position: undefined }));
    session.farewell = this.emitted.slice(session.since);
    this.sessions.delete(session);
  }

  /** A client returns. Resolves with false if it can't resume, as recovery decides it. */
  async resume(session: SimSession): Promise<boolean> {
    const after = session.offset;
    if (after === undefined || session.farewell !== undefined) return false;
    const missed: Received[] = [];
    let through = after;
    try {
      const position = await this.log.position(NSP);
      for (;;) {
        const { delivered } = this.events;
        if (delivered?.epoch !== after.epoch || position.epoch !== after.epoch || after.number > position.number)
          return false;
        const end = Math.max(position.number, delivered.number);
        if (through.number >= end) break;
        const recent = this.events.recent(through) ?? [];
        const batch = recent.length > 0 ? recent : await this.events.history(through, end);
        if (typeof batch === "string" || batch.length === 0) return false;
        for (const { event, epoch, number } of batch) {
          if (number !== through.number + 1) return false;
          missed.push({ event, position: { epoch, number } });
          through = { epoch, number };
        }
      }
    } catch {
      return false;
    }
    if (!this.isRunning) return false;
    session.received.push(...missed);
    this.events.skipThrough(session.id, through);
    this.#admit(session);
    return true;
  }

  kill(): void {
    this.isRunning = false;
    this.log.end();
    this.sessions.clear();
  }
}

/** Nodes on one log. */
export class SimWorld {
  readonly clock = new SimClock();
  readonly server: SimLogServer;
  readonly nodes: SimNode[] = [];
  /** The events that some node has delivered. */
  readonly delivered = new Set<string>();
  readonly #maxQueuedBytes: number;
  #names = 0;

  constructor({ maxLength = Infinity, maxQueuedBytes = 1e6 } = {}) {
    this.server = new SimLogServer(maxLength);
    this.#maxQueuedBytes = maxQueuedBytes;
  }

  /** `lag`: of the connections of the node, from its start on. */
  add(lag?: SimLog["lag"]): SimNode {
    this.#names += 1;
    const node = new SimNode(`node-${String(this.#names).padStart(3, "0")}`, this, this.#maxQueuedBytes, lag);
    this.nodes.push(node);
    return node;
  }

  remove(node: SimNode): void {
    node.kill();
    this.clock.forget(node);
    this.nodes.splice(this.nodes.indexOf(node), 1);
  }

  advance(ms: number): Promise<void> {
    return this.clock.advance(ms, settle);
  }
}

/** Lets promises go on. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 12; i++) await Promise.resolve();
}
