import type { BroadcastOptions, Room } from "@portage/server/adapter";
import type { LogPosition } from "../order/log.ts";

/** A time in a room: the events beyond `since`, up to `until`. */
export interface PastMembership {
  readonly room: Room;
  readonly since: number;
  readonly until: number;
}

/** The rooms of a session, as its record has them. */
export interface RoomTimesRecord {
  readonly epoch: string;
  /** For each room, the number of the last event before the session joined. */
  readonly rooms: readonly (readonly [room: Room, since: number])[];
  readonly past: readonly (readonly [room: Room, since: number, until: number])[];
  /** Up to this event, a past membership may be missing. */
  readonly forgotten: number;
}

type Receivers = Pick<BroadcastOptions, "rooms" | "except">;
const NO_ROOMS = new Set<Room>();

/** Past memberships that are kept; beyond, a client that may need them can't resume. */
const MAX_PAST = 200;

/** A membership that has ended, and when by the clock. */
interface Ended extends PastMembership {
  readonly at: number;
}

/**
 * The rooms of one session over time, by positions of the log. A client may have missed an event that was sent before its
 * socket left a room, so past memberships count as well.
 */
export class RoomTimes {
  #epoch: string;
  #rooms: Map<Room, number>;
  #past: Ended[];
  #forgotten: number;

  private constructor(epoch: string, rooms: Map<Room, number>, past: Ended[], forgotten: number) {
    this.#epoch = epoch;
    this.#rooms = rooms;
    this.#past = past;
    this.#forgotten = forgotten;
  }

  /** The rooms of a new session. */
  static start(rooms: Iterable<Room>, { epoch, number }: LogPosition): RoomTimes {
    return new RoomTimes(epoch, new Map(Array.from(rooms, (room) => [room, number])), [], 0);
  }

  /** The rooms of a record. `now`: the time, in milliseconds. */
  static from({ epoch, rooms, past, forgotten }: RoomTimesRecord, now: number): RoomTimes {
    const ended = past.map(([room, since, until]) => ({ room, since, until, at: now }));
    return new RoomTimes(epoch, new Map(rooms), ended, forgotten);
  }

  get rooms(): Room[] {
    return [...this.#rooms.keys()];
  }

  /** Up to this event, the session may have been in rooms that are not known any more. */
  get forgotten(): number {
    return this.#forgotten;
  }

  has(room: Room): boolean {
    return this.#rooms.has(room);
  }

  /** The session gets the events of a room beyond a position. */
  join(room: Room, position: LogPosition): void {
    this.enter(position.epoch);
    if (!this.#rooms.has(room)) this.#rooms.set(room, position.number);
  }

  /** The session has got the events of a room up to a position. `now`: the time, in milliseconds. */
  leave(room: Room, position: LogPosition, now: number): void {
    this.enter(position.epoch);
    const since = this.#rooms.get(room);
    if (since === undefined || !this.#rooms.delete(room) || since >= position.number) return;
    this.#past.push({ room, since, until: position.number, at: now });
    if (this.#past.length > MAX_PAST) this.#forgotten = Math.max(this.#forgotten, this.#past.shift()!.until);
  }

  /** Drops memberships that ended before `time`: a client that is still connected has got their events. */
  dropBefore(time: number): void {
    if (this.#past.length > 0 && this.#past[0]!.at < time) this.#past = this.#past.filter(({ at }) => at >= time);
  }

  /** In a new epoch, the session is in its rooms from the first event on. */
  enter(epoch: string): void {
    if (this.#epoch === epoch) return;
    this.#epoch = epoch;
    this.#rooms = new Map(Array.from(this.#rooms.keys(), (room) => [room, 0]));
    this.#past = [];
    this.#forgotten = 0;
  }

  /** Whether an event of this epoch was for a session. `sid`: the room of all its events. */
  receives(number: number, { rooms, except = NO_ROOMS }: Receivers, sid: string): boolean {
    for (const room of except) if (this.#wasIn(room, number)) return false;
    if (rooms.size === 0) return this.#wasIn(sid, number);
    for (const room of rooms) if (this.#wasIn(room, number)) return true;
    return false;
  }

  #wasIn(room: Room, number: number): boolean {
    const since = this.#rooms.get(room);
    if (since !== undefined && since < number) return true;
    return this.#past.some((past) => past.room === room && past.since < number && number <= past.until);
  }

  toRecord(): RoomTimesRecord {
    const past = this.#past.map(({ room, since, until }) => [room, since, until] as const);
    return { epoch: this.#epoch, rooms: [...this.#rooms], past, forgotten: this.#forgotten };
  }
}
