import { type SocketIoErrorCode, SocketIoError } from "@portage/server/relay";
import type { LoggedEvent, RecoverableEvents } from "./events.ts";
import type { RoomTimes } from "./room-times.ts";
import type { LogPosition } from "../order/log.ts";

/** Events that are read from the log at once. */
const BATCH = 500;

/** What a session is about to get. */
export interface ReplaySettings {
  readonly events: RecoverableEvents;
  readonly sid: string;
  readonly memberships: RoomTimes;
  /** The last event that the client has. */
  readonly after: number;
  /** Where the log was when the session was taken. */
  readonly position: LogPosition;
  /** Most encoded bytes of the missed events. */
  readonly maxBytes: number;
  /** Whether reading takes too long. */
  readonly isLate: () => boolean;
}

/**
 * Collects the events that a session missed: from what this node has delivered lately, and from the log. What comes between
 * reading and the connection of the socket is added by {@link join}.
 */
export class Replay {
  readonly #settings: ReplaySettings;
  readonly #missed: LoggedEvent[] = [];
  #bytes = 0;
  #through: number;

  constructor(settings: ReplaySettings) {
    this.#settings = settings;
    this.#through = settings.after;
  }

  /** The last event that was read, whether it is for the session or not. */
  get through(): LogPosition {
    return { epoch: this.#settings.position.epoch, number: this.#through };
  }

  /**
   * Reads up to what this node has delivered, or to where the log was if that is further. Resolves with a refusal. Rejects while
   * the log is away; the next call goes on.
   */
  async read(): Promise<SocketIoErrorCode | undefined> {
    const { events, position, maxBytes, isLate } = this.#settings;
    await events.whenJoined();
    for (;;) {
      const { delivered } = events;
      // While the log is away, this node delivers its own events before they are in the log.
      if (delivered === undefined) throw new SocketIoError("RECOVERY_FAILED", "the log is away");
      if (delivered.epoch !== position.epoch) return "RECOVERY_EPOCH";
      this.#addRecent(delivered);
      if (this.#bytes > maxBytes) return "RECOVERY_TOO_LARGE";
      const end = Math.max(position.number, delivered.number);
      if (this.#through >= end) return undefined;
      if (isLate()) return "RECOVERY_FAILED";
      const batch = await events.history(this.through, Math.min(this.#through + BATCH, end));
      if (batch === "epoch") return "RECOVERY_EPOCH";
      if (batch === "trimmed" || !this.#addAll(batch)) return "RECOVERY_OFFSET_UNKNOWN";
    }
  }

  /**
   * Returns all missed events. The live events begin in the same turn. If this node lags behind, it will leave out the socket
   * when it delivers the missed events to the others.
   *
   * @throws SocketIoError `RECOVERY_FAILED` when the live events do not follow without a gap any more
   */
  join(): readonly LoggedEvent[] {
    const { events, sid, position, maxBytes } = this.#settings;
    const { delivered } = events;
    const isInTime = delivered?.epoch === position.epoch && this.#addRecent(delivered) && this.#bytes <= maxBytes;
    if (!isInTime)
      throw new SocketIoError("RECOVERY_FAILED", "the missed events were lost before the socket connected");
    events.skipThrough(sid, this.through);
    return this.#missed;
  }

  /** Adds what this node has delivered beyond the last event. Returns false if it does not keep that. */
  #addRecent({ number }: LogPosition): boolean {
    if (number <= this.#through) return true;
    const recent = this.#settings.events.recent(this.through);
    return recent !== undefined && this.#addAll(recent);
  }

  /** Adds events that follow the last one. Returns false if they do not, or if there are none. */
  #addAll(batch: readonly LoggedEvent[]): boolean {
    const { sid, memberships, position } = this.#settings;
    for (const event of batch) {
      if (event.epoch !== position.epoch || event.number !== this.#through + 1) return false;
      this.#through = event.number;
      if (!memberships.receives(event.number, event.event.opts, sid)) continue;
      this.#missed.push(event);
      this.#bytes += event.bytes;
    }
    return batch.length > 0;
  }
}
