/*
 * Recovery of sessions: the adapter that logs packets, its log, its options.
 * Knows: adapters by their contract, packets, time.
 * Must not know: sockets, and how a client asks for its session: see socket/recovery.ts.
 */
import { kEngineClock, randomId } from "../../engine/index.ts";
import { kNamespace, kTally } from "../keys.ts";
import { PacketType } from "@portage/parser/socket";
import { type Clock, systemClock, type Timer } from "../../base/clock.ts";
import { completeRecovery, type RecoveryOptions } from "./options.ts";
import type { RecoveryLimit } from "../host/server-tally.ts";
import type {
  BroadcastOptions,
  PrivateSessionId,
  Room,
  Session,
  SessionToPersist,
  SocketId,
} from "../adapter/adapter.ts";
import { InMemoryAdapter } from "../adapter/in-memory.ts";
import { type KeptPacket, PacketLog } from "./packet-log.ts";
import type { AdapterPacket } from "../adapter/surface.ts";

// Private members. Symbols, not `#private`, so that proxies and `Object.create()` work.
const kOptions = Symbol("options");
const kOnDropped = Symbol("onDropped");
const kLog = Symbol("log");
const kSessions = Symbol("sessions");
const kMemberships = Symbol("memberships");
const kTag = Symbol("tag");
const kSweeping = Symbol("sweeping");
const kOffsetOf = Symbol("offsetOf");
const kSweepLater = Symbol("sweepLater");
const kNumberOf = Symbol("numberOf");
const kRestore = Symbol("restore");
const kSweep = Symbol("sweep");
const kSeen = Symbol("seen");
const kMissed = Symbol("missed");
const kNextSweep = Symbol("nextSweep");

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
  private readonly [kOptions]: Required<RecoveryOptions>;
  private readonly [kEngineClock]: Clock;
  private readonly [kOnDropped]: (limit: RecoveryLimit) => void;
  private readonly [kLog]: PacketLog;
  /** In the order in which they were lost. */
  private readonly [kSessions] = new Map<PrivateSessionId, KeptSession>();
  private readonly [kMemberships] = new Map<SocketId, Memberships>();
  /** Tells our offsets from those of another life of this server. */
  private readonly [kTag]: string = randomId().slice(0, 4);
  private [kSweeping]: Timer | undefined;

  /** @param nsp the namespace: of it, `server.opts` and its clock are used in addition */
  constructor(nsp: unknown) {
    super(nsp);
    const { server } = this[kNamespace];
    this[kOptions] = completeRecovery(server.opts ?? {});
    this[kEngineClock] = server[kEngineClock] ?? systemClock;
    this[kOnDropped] = (limit) => server[kTally]?.onDropped(limit);
    const { maxPackets, maxPacketBytes } = this[kOptions];
    this[kLog] = new PacketLog({ maxPackets, maxPacketBytes, onDropped: this[kOnDropped] });
  }

  /** What is kept at present, for metrics. */
  get kept(): { readonly sessions: number; readonly packets: number; readonly packetBytes: number } {
    return { sessions: this[kSessions].size, packets: this[kLog].size, packetBytes: this[kLog].bytes };
  }

  override close(): Promise<void> | void {
    this[kSweeping]?.cancel();
    return super.close();
  }

  // ---- rooms -------------------------------------------------------------------------------------------------------

  override addAll(id: SocketId, rooms: Set<Room>): Promise<void> | void {
    let memberships = this[kMemberships].get(id);
    if (memberships === undefined) this[kMemberships].set(id, (memberships = new Map()));
    for (const room of rooms) if (!memberships.has(room)) memberships.set(room, this[kLog].last);
    return super.addAll(id, rooms);
  }

  override del(id: SocketId, room: Room): Promise<void> | void {
    this[kMemberships].get(id)?.delete(room);
    return super.del(id, room);
  }

  override delAll(id: SocketId): void {
    this[kMemberships].delete(id);
    super.delAll(id);
  }

  // ---- packets -----------------------------------------------------------------------------------------------------

  override broadcast(event: AdapterPacket, opts: BroadcastOptions): void {
    if (event.type !== PacketType.EVENT || event.id !== undefined) return super.broadcast(event, opts);
    const plain: AdapterPacket = { type: event.type, data: event.data.slice() };
    if (opts.flags?.volatile) {
      // Clients take any last argument that is a string for the offset: one that is none would end their chance.
      if (typeof event.data.at(-1) === "string") event.data.push(this[kOffsetOf](this[kLog].last));
      this.deliverLocally(event, plain, opts);
      return;
    }
    const kept: KeptPacket = { data: event.data, opts, sentAt: this[kEngineClock].now(), bytes: 0 };
    this[kLog].add(kept);
    event.data.push(this[kOffsetOf](this[kLog].last));
    this[kLog].measured(kept, this.deliverLocally(event, plain, opts));
    this[kSweepLater]();
  }

  private [kOffsetOf](number: number): string {
    return `${this[kTag]}${number.toString(36)}`;
  }

  /** The number of the packet that a client got last; undefined when the offset is none of ours. */
  private [kNumberOf](offset: string): number | undefined {
    const number = Number.parseInt(offset.slice(this[kTag].length), 36);
    return number <= this[kLog].last && this[kOffsetOf](number) === offset ? number : undefined;
  }

  // ---- sessions ----------------------------------------------------------------------------------------------------

  /** Keeps the session of a client that was lost. */
  override persistSession(session: SessionToPersist): void {
    const memberships = this[kMemberships].get(session.sid);
    this[kSessions].delete(session.pid);
    this[kSessions].set(session.pid, {
      session,
      memberships: memberships === undefined ? undefined : new Map(memberships),
      lostAt: this[kEngineClock].now(),
    });
    for (const pid of this[kSessions].keys()) {
      if (this[kSessions].size <= this[kOptions].maxSessions) break;
      this[kSessions].delete(pid);
      this[kOnDropped]("maxSessions");
    }
    this[kSweepLater]();
  }

  /**
   * Hands out a session, once.
   *
   * @param offset that of the last event which the client has got; an empty string when it has got none
   * @returns null when the session is unknown or too old, or what it has missed is not all here any more. In
   *   `missedPackets`, what is sent until it is read is included.
   */
  override restoreSession(pid: PrivateSessionId, offset: string): Promise<Session | null> {
    return Promise.resolve(this[kRestore](pid, offset));
  }

  private [kRestore](pid: PrivateSessionId, offset: string): Session | null {
    this[kSweep]();
    const kept = this[kSessions].get(pid);
    const since = kept === undefined ? undefined : this[kSeen](kept, offset);
    if (kept === undefined || since === undefined) return null;
    this[kSessions].delete(pid);
    const { session, memberships } = kept;
    // A client that is lost again before it has got everything asks from where it asked before.
    if (memberships !== undefined) this[kMemberships].set(session.sid, memberships);
    const missed = (): unknown[][] => this[kMissed](kept, since);
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
    return this[kSessions].delete(pid) ? "RECOVERY_OFFSET_UNKNOWN" : "RECOVERY_SESSION_UNKNOWN";
  }

  /** The number of the last packet that a client has got, unless a later one is lost to us. */
  private [kSeen]({ session, memberships }: KeptSession, offset: string): number | undefined {
    const number = offset === "" ? (memberships?.get(session.sid) ?? 0) : this[kNumberOf](offset);
    return number === undefined || number < this[kLog].crowdedOutThrough ? undefined : number;
  }

  private [kMissed](kept: KeptSession, since: number): unknown[][] {
    const missed: unknown[][] = [];
    this[kLog].forEachAfter(since, (packet, number) => {
      if (isMeant(packet.opts, kept, number)) missed.push(packet.data);
    });
    return missed;
  }

  // ---- time --------------------------------------------------------------------------------------------------------

  private [kSweepLater](): void {
    this[kSweeping] ??= this[kEngineClock].after(this[kNextSweep](), () => {
      this[kSweeping] = undefined;
      this[kSweep]();
      if (this[kSessions].size > 0 || this[kLog].size > 0) this[kSweepLater]();
    });
  }

  private [kNextSweep](): number {
    const { maxDisconnectionDuration, packetLifetime } = this[kOptions];
    const [session] = this[kSessions].values();
    const due = Math.min(
      (session?.lostAt ?? Infinity) + maxDisconnectionDuration,
      (this[kLog].oldest?.sentAt ?? Infinity) + packetLifetime,
    );
    // A session may be lost any time, and a packet sent. What is due stays for that millisecond.
    const delay = Math.min(due - this[kEngineClock].now(), maxDisconnectionDuration, packetLifetime) + 1;
    return Math.max(delay, SWEEP_INTERVAL);
  }

  private [kSweep](): void {
    const now = this[kEngineClock].now();
    for (const [pid, { lostAt }] of this[kSessions]) {
      if (lostAt + this[kOptions].maxDisconnectionDuration >= now) break;
      this[kSessions].delete(pid);
    }
    this[kLog].dropBefore(now - this[kOptions].packetLifetime);
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
