import type { BroadcastOptions, Room, SessionToPersist } from "../adapter/adapter.ts";
import type { OutgoingArguments } from "../adapter/encoded-packet.ts";
import type { KeptPacket, PacketOrigin } from "./packet-log.ts";

/** What is known of an event before it has an offset. */
export interface EventDetails {
  readonly event: OutgoingArguments;
  readonly opts: BroadcastOptions;
  readonly origin?: PacketOrigin | undefined;
}

/** An event that a client of another node has missed, without an offset. */
export interface MissedEvent {
  /** The name of the event and its arguments. */
  readonly data: unknown[];
  /** Its encoded length, about. */
  readonly bytes: number;
}

/** An event that is decoded only if a client has missed it. */
export class KeptEvent implements KeptPacket {
  readonly opts: BroadcastOptions;
  readonly origin: PacketOrigin | undefined;
  readonly sentAt: number;
  readonly offset: string;
  bytes = 0;
  readonly #event: OutgoingArguments;

  constructor({ event, opts, origin }: EventDetails, offset: string, sentAt: number) {
    this.opts = opts;
    this.origin = origin;
    this.sentAt = sentAt;
    this.offset = offset;
    this.#event = event;
  }

  get data(): unknown[] {
    return [...this.#event.data, this.offset];
  }
}

/** Whether a session is among the receivers of a packet. `isIn`: whether it had joined a room in time. */
export function isMeantFor(
  session: Pick<SessionToPersist, "sid" | "rooms">,
  { rooms, except }: BroadcastOptions,
  isIn: (room: Room) => boolean,
): boolean {
  if (except !== undefined && session.rooms.some((room) => except.has(room))) return false;
  if (rooms.size === 0) return isIn(session.sid);
  return session.rooms.some((room) => rooms.has(room) && isIn(room));
}
