import type { BroadcastOptions } from "@portage/server/adapter";
import type { LogPosition } from "../../../packages/cluster/src/order/log.ts";
import type { LoggedEvent, RecoverableEvents } from "../../../packages/cluster/src/recovery/events.ts";

/** The log of one namespace, shared by all nodes of a test. */
export class SimHistory {
  epoch = "ep-1";
  readonly events: LoggedEvent[] = [];
  /** The first event that is still there. */
  first = 1;

  get position(): LogPosition {
    return { epoch: this.epoch, number: this.events.length };
  }

  /** Adds an event for the members of a room, or for all sockets. */
  add(room?: string, except?: string): LoggedEvent {
    const { epoch, number } = this.position;
    const opts: BroadcastOptions = { rooms: new Set(room === undefined ? [] : [room]) };
    if (except !== undefined) opts.except = new Set([except]);
    const packet = { event: { data: ["event", number + 1] } };
    const event = { epoch, number: number + 1, bytes: 100, event: { opts, packet } };
    this.events.push(event);
    return event;
  }

  /** The log has lost everything. */
  renew(epoch: string): void {
    this.epoch = epoch;
    this.events.length = 0;
    this.first = 1;
  }
}

/** The events of a node: how far it has delivered them, and how many it keeps. */
export class SimEvents implements RecoverableEvents {
  reached: LogPosition | undefined;
  #mode: "ordered" | "degraded" = "ordered";
  /** Events that it keeps in memory. */
  ring = 1000;
  readonly skips: [sid: string, number: number][] = [];
  /** How often the log was read. */
  reads = 0;
  /** Called before the log answers. */
  onRead: () => void = () => undefined;
  readonly #history: SimHistory;
  readonly #waiting: (() => void)[] = [];

  constructor(history: SimHistory) {
    this.#history = history;
  }

  /** Delivers up to an event, or all. */
  deliver(number = this.#history.events.length): void {
    this.reached = { epoch: this.#history.epoch, number };
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** The node delivers its own events before they are in the log. */
  degrade(): void {
    this.#mode = "degraded";
  }

  get delivered(): LogPosition | undefined {
    return this.#mode === "ordered" ? this.reached : undefined;
  }

  whenJoined(): Promise<void> {
    if (this.reached !== undefined) return Promise.resolve();
    return new Promise((resolve) => void this.#waiting.push(resolve));
  }

  recent(after: LogPosition): readonly LoggedEvent[] | undefined {
    const { epoch, number } = this.delivered!;
    if (after.epoch !== epoch || after.number < number - this.ring) return undefined;
    return this.#history.events.slice(after.number, number);
  }

  async history(after: LogPosition, through: number): Promise<readonly LoggedEvent[] | "trimmed" | "epoch"> {
    this.reads += 1;
    await Promise.resolve();
    this.onRead();
    if (after.epoch !== this.#history.epoch) return "epoch";
    if (after.number + 1 < this.#history.first) return "trimmed";
    return this.#history.events.slice(after.number, through);
  }

  skipThrough(sid: string, { number }: LogPosition): void {
    if (number > this.reached!.number) this.skips.push([sid, number]);
  }
}
