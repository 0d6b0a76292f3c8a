import { PacketType } from "@portage/parser/socket";
import { type Clock, systemClock, type Timer } from "../../clock.ts";
import { randomId } from "../../engine/index.ts";
import { completeRecovery, type RecoveryOptions } from "../recovery-options.ts";
import type { RecoveryLimit, ServerTally } from "../server-tally.ts";
import type { Untyped } from "../typed-events.ts";
import type { BroadcastOptions, PrivateSessionId, Room, Session, SessionToPersist, SocketId } from "./adapter.ts";
import { InMemoryAdapter } from "./in-memory.ts";
import { type KeptPacket, PacketLog } from "./packet-log.ts";
import type { AdapterPacket } from "./surface.ts";

/** Since which packet a socket is in each of its rooms: what was sent to a room earlier is none of its business. */
type Memberships = Map<Room, number>;

interface KeptSession {
  readonly session: SessionToPersist;
  readonly memberships: Memberships | undefined;
  /** When the client was lost, by the server's clock. */
  readonly lostAt: number;
}

/** Why a client could not take up a session. */
export type Refusal = "RECOVERY_SESSION_UNKNOWN" | "RECOVERY_OFFSET_UNKNOWN";

/** What is dropped by time is looked for no more often than this, in milliseconds. */
const SWEEP_INTERVAL = 1000;
const NO_ROOMS: ReadonlySet<Room> = new Set();

/**
 * Keeps the sessions of clients that were lost, and the packets that they miss meanwhile, in the memory of one server.
 * It is the default adapter where the option `connectionStateRecovery` is on.
 *
 * Events are kept unless they are volatile or ask for an acknowledgement. The offset, by which a client says what it has
 * got, is sent along as the last argument.
 *
 * @example
 * const io = new Server({ adapter: SessionAwareAdapter, connectionStateRecovery: { maxDisconnectionDuration: 60_000 } });
 */
export class SessionAwareAdapter extends InMemoryAdapter {
  readonly #options: Required<RecoveryOptions>;
  readonly #clock: Clock;
  readonly #onDropped: (limit: RecoveryLimit) => void;
  readonly #log: PacketLog;
  /** In the order in which they were lost. */
  readonly #sessions = new Map<PrivateSessionId, KeptSession>();
  readonly #memberships = new Map<SocketId, Memberships>();
  /** Tells our offsets from those of another life of this server. */
  readonly #tag: string = randomId().slice(0, 4);
  #sweeping: Timer | undefined;

  /** @param nsp the namespace: of it, `server.opts` and `server.clock` are used in addition */
  constructor(nsp: Untyped) {
    super(nsp);
    const { opts, clock, tally } = (nsp as { server: { opts?: object; clock?: Clock; tally?: ServerTally } }).server;
    this.#options = completeRecovery(opts ?? {});
    this.#clock = clock ?? systemClock;
    this.#onDropped = (limit) => tally?.onDropped(limit);
    const { maxPackets, maxPacketBytes } = this.#options;
    this.#log = new PacketLog({ maxPackets, maxPacketBytes, onDropped: this.#onDropped });
  }

  /** What is kept at present, for metrics. */
  get kept(): { readonly sessions: number; readonly packets: number; readonly packetBytes: number } {
    return { sessions: this.#sessions.size, packets: this.#log.size, packetBytes: this.#log.bytes };
  }

  override close(): Promise<void> | void {
    this.#sweeping?.cancel();
    return super.close();
  }

  // ---- rooms -------------------------------------------------------------------------------------------------------

  override addAll(id: SocketId, rooms: Set<Room>): Promise<void> | void {
    let memberships = this.#memberships.get(id);
    if (memberships === undefined) this.#memberships.set(id, (memberships = new Map()));
    for (const room of rooms) if (!memberships.has(room)) memberships.set(room, this.#log.last);
    return super.addAll(id, rooms);
  }

  override del(id: SocketId, room: Room): Promise<void> | void {
    this.#memberships.get(id)?.delete(room);
    return super.del(id, room);
  }

  override delAll(id: SocketId): void {
    this.#memberships.delete(id);
    super.delAll(id);
  }

  // ---- packets -----------------------------------------------------------------------------------------------------

  override broadcast(packet: Untyped, opts: BroadcastOptions): void {
    const event = packet as AdapterPacket;
    if (event.type !== PacketType.EVENT || event.id !== undefined) return super.broadcast(packet, opts);
    const plain: AdapterPacket = { type: event.type, data: event.data.slice() };
    if (opts.flags?.volatile) {
      // Clients take any last argument that is a string for the offset: one that is none would end their chance.
      if (typeof event.data.at(-1) === "string") event.data.push(this.#offsetOf(this.#log.last));
      this.deliverLocally(event, plain, opts);
      return;
    }
    const kept: KeptPacket = { data: event.data, opts, sentAt: this.#clock.now(), bytes: 0 };
    this.#log.add(kept);
    event.data.push(this.#offsetOf(this.#log.last));
    this.#log.measured(kept, this.deliverLocally(event, plain, opts));
    this.#sweepLater();
  }

  #offsetOf(number: number): string {
    return `${this.#tag}${number.toString(36)}`;
  }

  /** The number of the packet that a client got last; undefined when the offset is none of ours. */
  #numberOf(offset: string): number | undefined {
    const number = Number.parseInt(offset.slice(this.#tag.length), 36);
    return number <= this.#log.last && this.#offsetOf(number) === offset ? number : undefined;
  }

  // ---- sessions ----------------------------------------------------------------------------------------------------

  /** Keeps the session of a client that was lost. */
  override persistSession(session: SessionToPersist): void {
    const memberships = this.#memberships.get(session.sid);
    this.#sessions.delete(session.pid);
    this.#sessions.set(session.pid, {
      session,
      memberships: memberships === undefined ? undefined : new Map(memberships),
      lostAt: this.#clock.now(),
    });
    for (const pid of this.#sessions.keys()) {
      if (this.#sessions.size <= this.#options.maxSessions) break;
      this.#sessions.delete(pid);
      this.#onDropped("maxSessions");
    }
    this.#sweepLater();
  }

  /**
   * Hands out a session, once.
   *
   * @param offset that of the last event which the client has got; an empty string when it has got none
   * @returns null when the session is unknown or too old, or what it has missed is not all here any more. In
   *   `missedPackets`, what is sent until it is read is included.
   */
  override restoreSession(pid: PrivateSessionId, offset: string): Promise<Session | null> {
    return Promise.resolve(this.#restore(pid, offset));
  }

  #restore(pid: PrivateSessionId, offset: string): Session | null {
    this.#sweep();
    const kept = this.#sessions.get(pid);
    const since = kept === undefined ? undefined : this.#seen(kept, offset);
    if (kept === undefined || since === undefined) return null;
    this.#sessions.delete(pid);
    const { session, memberships } = kept;
    // A client that is lost again before it has got everything asks from where it asked before.
    if (memberships !== undefined) this.#memberships.set(session.sid, memberships);
    const missed = (): unknown[][] => this.#missed(kept, since);
    return {
      sid: session.sid,
      pid: session.pid,
      rooms: session.rooms,
      data: session.data,
      get missedPackets(): unknown[][] {
        return missed();
      },
    };
  }

  /**
   * Why the last attempt to restore a session failed. The session is given up: its client gets another one.
   */
  refusalOf(pid: PrivateSessionId): Refusal {
    return this.#sessions.delete(pid) ? "RECOVERY_OFFSET_UNKNOWN" : "RECOVERY_SESSION_UNKNOWN";
  }

  /** The number of the last packet that a client has got, unless a later one is lost to us. */
  #seen({ session, memberships }: KeptSession, offset: string): number | undefined {
    const number = offset === "" ? (memberships?.get(session.sid) ?? 0) : this.#numberOf(offset);
    return number === undefined || number < this.#log.crowdedOutThrough ? undefined : number;
  }

  #missed(kept: KeptSession, since: number): unknown[][] {
    const missed: unknown[][] = [];
    this.#log.forEachAfter(since, (packet, number) => {
      if (isMeant(packet.opts, kept, number)) missed.push(packet.data);
    });
    return missed;
  }

  // ---- time --------------------------------------------------------------------------------------------------------

  #sweepLater(): void {
    this.#sweeping ??= this.#clock.after(this.#nextSweep(), () => {
      this.#sweeping = undefined;
      this.#sweep();
      if (this.#sessions.size > 0 || this.#log.size > 0) this.#sweepLater();
    });
  }

  #nextSweep(): number {
    const { maxDisconnectionDuration, packetLifetime } = this.#options;
    const [session] = this.#sessions.values();
    const due = Math.min(
      (session?.lostAt ?? Infinity) + maxDisconnectionDuration,
      (this.#log.oldest?.sentAt ?? Infinity) + packetLifetime,
    );
    // A session may be lost any time, and is due earlier than a packet. What is due stays for that millisecond.
    const delay = Math.min(due - this.#clock.now(), maxDisconnectionDuration) + 1;
    return Math.max(delay, SWEEP_INTERVAL);
  }

  #sweep(): void {
    const now = this.#clock.now();
    for (const [pid, { lostAt }] of this.#sessions) {
      if (lostAt + this.#options.maxDisconnectionDuration >= now) break;
      this.#sessions.delete(pid);
    }
    this.#log.dropBefore(now - this.#options.packetLifetime);
  }
}

/** Whether a packet was sent to a session, or would have been if it had been there. */
function isMeant(
  { rooms, except = NO_ROOMS as Set<Room> }: BroadcastOptions,
  kept: KeptSession,
  number: number,
): boolean {
  const { session, memberships } = kept;
  const isIn = (room: Room): boolean => (memberships?.get(room) ?? 0) < number;
  if (session.rooms.some((room) => except.has(room))) return false;
  if (rooms.size === 0) return isIn(session.sid);
  return session.rooms.some((room) => rooms.has(room) && isIn(room));
}
