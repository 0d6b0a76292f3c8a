import type { Room } from "@portage/server/adapter";
import type { RecordedSocket } from "@portage/server/relay";
import { RoomTimes } from "./room-times.ts";
import { encodeRecord, encodeState, type SessionRecord } from "./record.ts";
import type { LogPosition } from "../order/log.ts";

/** A session that this node has taken, until its socket is connected. */
export interface ReturnedSession {
  readonly term: string;
  readonly record: SessionRecord;
  readonly memberships: RoomTimes;
  /** The last event that its socket has got or gets before it connects. */
  readonly through: LogPosition;
}

/**
 * - `open`: its record is written
 * - `unwritable`: its `data` can't be encoded, so it has no record
 * - `taken`: another node owns it
 * - `missing`: the store has lost its record
 */
export type HeldPhase = "open" | "unwritable" | "taken" | "missing";

/** The session of a connected socket. */
export class HeldSession {
  readonly socket: RecordedSocket;
  readonly term: string;
  readonly #start: LogPosition;
  readonly #memberships: RoomTimes;
  /** A resumed socket may have got more than this node has delivered to the others. */
  readonly #floor: LogPosition;
  #data: Buffer | undefined;
  phase: HeldPhase = "open";
  /** The epoch in which the store had its record. Undefined: the store may not have it yet. */
  epoch: string | undefined;
  /** When its data is compared next, by the clock. */
  dueAt = 0;

  constructor(socket: RecordedSocket, { term, start, memberships, floor }: SessionStart) {
    this.socket = socket;
    this.term = term;
    this.#start = start;
    this.#memberships = memberships;
    this.#floor = floor;
  }

  /** A session that begins now. */
  static begin(
    socket: RecordedSocket,
    rooms: Iterable<Room>,
    { term, position }: { readonly term: string; readonly position: LogPosition },
  ): HeldSession {
    const memberships = RoomTimes.start([...rooms, socket.id], position);
    return new HeldSession(socket, { term, start: position, memberships, floor: position });
  }

  /** A session that goes on. `rooms`: the middlewares may have added some. */
  static resume(socket: RecordedSocket, rooms: Iterable<Room>, returned: ReturnedSession): HeldSession {
    const { term, record, memberships, through: floor } = returned;
    for (const room of rooms) memberships.join(room, floor);
    const session = new HeldSession(socket, { term, start: record.start, memberships, floor });
    session.epoch = floor.epoch;
    return session;
  }

  /** Whether its record is not written any more. */
  get isOver(): boolean {
    return this.phase === "taken" || this.phase === "missing";
  }

  #positionOf(delivered: LogPosition): LogPosition {
    const isBehind = delivered.epoch === this.#floor.epoch && delivered.number < this.#floor.number;
    return isBehind ? this.#floor : delivered;
  }

  /** Returns whether that is a change. */
  join(rooms: Iterable<Room>, delivered: LogPosition): boolean {
    const before = this.#memberships.rooms.length;
    for (const room of rooms) this.#memberships.join(room, this.#positionOf(delivered));
    return this.#memberships.rooms.length > before;
  }

  /** Returns whether that is a change. */
  leave(rooms: Iterable<Room>, delivered: LogPosition, now: number): boolean {
    const before = this.#memberships.rooms.length;
    for (const room of rooms) this.#memberships.leave(room, this.#positionOf(delivered), now);
    return this.#memberships.rooms.length < before;
  }

  get rooms(): Room[] {
    return this.#memberships.rooms;
  }

  /** RoomTimes that ended before `time` do not matter any more. */
  forgetBefore(time: number): void {
    this.#memberships.dropBefore(time);
  }

  /** Reads `data`. Returns whether it has changed since the last time. @throws what `JSON.stringify` throws */
  readData(): boolean {
    const data = encodeState(this.socket.data);
    if (this.#data?.equals(data)) return false;
    this.#data = data;
    return true;
  }

  /** Encodes the record as of now. @throws what `JSON.stringify` throws */
  encode(delivered: LogPosition): Buffer {
    this.readData();
    this.#memberships.enter(delivered.epoch);
    const head = { sid: this.socket.id, start: this.#start, memberships: this.#memberships.toRecord() };
    return encodeRecord(head, this.#data!, encodeState(this.socket.answers));
  }
}

interface SessionStart {
  readonly term: string;
  readonly start: LogPosition;
  readonly memberships: RoomTimes;
  readonly floor: LogPosition;
}
