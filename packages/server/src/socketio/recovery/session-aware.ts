/*
 * Connection state recovery: the adapter that logs packets, its log, its options.
 * Knows: adapters by their contract, packets, time.
 * Must not know: sockets, and how a client asks for its session: see socket/recovery.ts.
 *
 * The log numbers the recoverable packets of a namespace. An offset is the number of a packet, with a tag of this adapter
 * before it, so that an offset of another process is not valid here. A client missed the packets with a higher number than
 * its offset that were sent to one of its rooms after it joined: `memberships` stores the number at the time of joining.
 *
 * Invariant between calls: for each stored session, every packet that its client may have missed is in the log, or the log
 * `lacks` it, and restoring fails instead of leaving a gap. A client that was lost at a certain time may have missed what
 * was sent up to `noticeTime` earlier: the server notices a loss that late.
 *
 * What would break it: adding a packet without taking its number for the offset in the same call, or a last argument of a
 * volatile event that a client takes for an offset.
 */
import { kEngineClock, randomId } from "../../engine/index.ts";
import { kNamespace, kResumeSession, kTally } from "../keys.ts";
import { PacketType } from "@portage/parser/socket";
import { SocketIoError } from "../report/errors.ts";
import { type Clock, serverClock, type PendingCall } from "../../base/clock.ts";
import { completeRecovery, type ResolvedRecovery } from "./options.ts";
import type { RecoveryLimit } from "../report/limit-codes.ts";
import type {
  BroadcastOptions,
  PrivateSessionId,
  Room,
  RestoredSession,
  ResumingAdapter,
  SessionToPersist,
  SocketId,
} from "../adapter/adapter.ts";
import { type EncodedPacket, hasLastText, withOffset } from "../adapter/encoded-packet.ts";
import { InMemoryAdapter } from "../adapter/in-memory.ts";
import { type EventDetails, isMeantFor, KeptEvent, type MissedEvent } from "./kept-event.ts";
import { type KeptPacket, PacketLog, type PacketOrigin } from "./packet-log.ts";
import type { AdapterPacket } from "../adapter/surface.ts";

// Private members. Symbols, not `#private`, so that proxies and `Object.create()` work.
const kRecoveryOptions = Symbol("recoveryOptions");
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
const kKeep = Symbol("keep");

/** For each room of a socket, the number of the last packet before it joined. */
type Memberships = Map<Room, number>;

interface KeptSession {
  readonly session: SessionToPersist;
  readonly memberships: Memberships | undefined;
  /** The time of the disconnection, by the server's clock, in milliseconds. */
  readonly lostAt: number;
}

/** Why a client could not resume its session. */
export type RecoveryRefusal = "RECOVERY_SESSION_UNKNOWN" | "RECOVERY_OFFSET_UNKNOWN";

/** The shortest time between two sweeps for expired sessions and packets, in milliseconds. */
const SWEEP_INTERVAL = 1000;
/** Receivers of a packet that is meant for none. */
const NO_RECEIVER = { rooms: new Set<Room>([""]), except: new Set<Room>() };

/**
 * Stores the sessions of disconnected clients, and the packets that they miss, in the memory of one server. It is the
 * default adapter when the option `connectionStateRecovery` is set.
 *
 * Stores all events except volatile ones and those with an acknowledgement. Each event carries its offset as an additional
 * last argument; a client that resumes sends the last offset it received.
 *
 * @example
 * const io = new Server({ adapter: SessionAwareAdapter, connectionStateRecovery: { maxDisconnectionDuration: 60_000 } });
 */
export class SessionAwareAdapter extends InMemoryAdapter implements ResumingAdapter {
  private readonly [kRecoveryOptions]: ResolvedRecovery;
  private readonly [kEngineClock]: Clock;
  private readonly [kOnDropped]: (limit: RecoveryLimit) => void;
  private readonly [kLog]: PacketLog;
  /** In the order of disconnection. */
  private readonly [kSessions] = new Map<PrivateSessionId, KeptSession>();
  private readonly [kMemberships] = new Map<SocketId, Memberships>();
  /** Distinguishes offsets of this adapter from offsets of an earlier process. */
  private readonly [kTag]: string = randomId().slice(0, 4);
  private [kSweeping]: PendingCall | undefined;

  /** @param nsp the namespace; the adapter also uses `server.opts` and the server's clock */
  constructor(nsp: unknown) {
    super(nsp);
    const { server } = this[kNamespace];
    this[kRecoveryOptions] = completeRecovery(server.opts ?? {});
    this[kEngineClock] = server[kEngineClock] ?? serverClock;
    this[kOnDropped] = (limit) => server[kTally]?.countDropped(limit);
    const { maxPackets, maxPacketBytes } = this[kRecoveryOptions];
    this[kLog] = new PacketLog({ maxPackets, maxPacketBytes, onDropped: this[kOnDropped] });
  }

  /** Whether sessions and packets are stored. Adapters of clusters extend this class without recovery as well. */
  protected get keepsSessions(): boolean {
    return true;
  }

  /** Counts of stored sessions, packets and bytes, for metrics. */
  get kept(): { readonly sessions: number; readonly packets: number; readonly packetBytes: number } {
    return { sessions: this[kSessions].size, packets: this[kLog].size, packetBytes: this[kLog].bytes };
  }

  override close(): Promise<void> | void {
    this[kSweeping]?.cancel();
    return super.close();
  }

  // ---- rooms -------------------------------------------------------------------------------------------------------

  override addAll(id: SocketId, rooms: Set<Room>): Promise<void> | void {
    if (!this.keepsSessions) return super.addAll(id, rooms);
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
    const isKept = event.type === PacketType.EVENT && event.id === undefined && this.keepsSessions;
    if (!isKept) return super.broadcast(event, opts);
    const plain: AdapterPacket = { type: event.type, data: event.data.slice() };
    if (opts.flags?.volatile) {
      // Clients take any trailing string for the offset. Without a real one here, this event would make recovery fail.
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

  /** Logs an event that is encoded without an offset, and sends it with the offset as last argument. */
  protected override deliverEncoded(packet: EncodedPacket, opts: BroadcastOptions, origin?: PacketOrigin): void {
    if (!this.keepsSessions) return super.deliverEncoded(packet, opts);
    const nsp = this[kNamespace];
    if (opts.flags?.volatile) {
      // See broadcast().
      if (!hasLastText(packet, nsp)) return super.deliverEncoded(packet, opts);
      return this.deliverWithOffset(withOffset(packet, this[kOffsetOf](this[kLog].last), nsp), packet, opts);
    }
    const kept = this[kKeep]({ event: packet.event, opts, origin });
    const complete = withOffset(packet, kept.offset, nsp);
    this.deliverWithOffset(complete, packet, opts);
    let bytes = 0;
    for (const part of complete.parts) bytes += part.length;
    this[kLog].measured(kept, bytes);
    this[kSweepLater]();
  }

  private [kKeep](details: EventDetails): KeptEvent {
    const kept = new KeptEvent(details, this[kOffsetOf](this[kLog].last + 1), this[kEngineClock].now());
    this[kLog].add(kept);
    return kept;
  }

  // ---- several nodes -------------------------------------------------------------------------------------------------

  /** Notes that packets of other nodes may have been lost: clients that may lack them can't resume. */
  protected breakLog(): void {
    this[kLog].breakHere(new KeptEvent({ event: { data: [] }, opts: NO_RECEIVER }, "", this[kEngineClock].now()));
  }

  /** Visits the packets in the log that nodes have sent to all nodes, oldest first. */
  protected forEachOfNodes(visit: (packet: KeptPacket & { readonly origin: PacketOrigin }) => void): void {
    this[kLog].forEachAfter(0, (packet) => {
      if (packet.origin !== undefined) visit(packet as KeptPacket & { readonly origin: PacketOrigin });
    });
  }

  /**
   * Resumes a session of another node. `missed` is called when the client is connected; the events get offsets of this log.
   */
  protected adoptSession(session: SessionToPersist, missed: () => readonly MissedEvent[]): RestoredSession {
    const adopt = (): unknown[][] => {
      const opts = { rooms: new Set([session.sid]) };
      const start = this[kLog].last;
      const events = missed().map(({ data, bytes }) => {
        const kept = this[kKeep]({ event: { data }, opts });
        this[kLog].measured(kept, bytes);
        return kept.data;
      });
      const memberships = new Map(session.rooms.map((room) => [room, this[kLog].last]));
      this[kMemberships].set(session.sid, memberships.set(session.sid, start));
      this[kSweepLater]();
      return events;
    };
    return {
      ...session,
      get missedPackets(): unknown[][] {
        return adopt();
      },
    };
  }

  private [kOffsetOf](number: number): string {
    return `${this[kTag]}${number.toString(36)}`;
  }

  /** Returns the number that an offset stands for; undefined when this adapter did not issue it. */
  private [kNumberOf](offset: string): number | undefined {
    const number = Number.parseInt(offset.slice(this[kTag].length), 36);
    return number <= this[kLog].last && this[kOffsetOf](number) === offset ? number : undefined;
  }

  // ---- sessions ----------------------------------------------------------------------------------------------------

  /** Stores the session of a disconnected client. */
  override persistSession(session: SessionToPersist): void {
    const memberships = this[kMemberships].get(session.sid);
    this[kSessions].delete(session.pid);
    this[kSessions].set(session.pid, {
      session,
      memberships: memberships === undefined ? undefined : new Map(memberships),
      lostAt: this[kEngineClock].now(),
    });
    for (const pid of this[kSessions].keys()) {
      if (this[kSessions].size <= this[kRecoveryOptions].maxSessions) break;
      this[kSessions].delete(pid);
      this[kOnDropped]("maxSessions");
    }
    this[kSweepLater]();
  }

  /**
   * Returns a stored session, once.
   *
   * @param offset the offset of the last event that the client received; an empty string when it received none
   * @returns null when the session is unknown or expired, or when the log no longer has all missed events. `missedPackets`
   *   is computed when it is read, so it includes events sent until then.
   */
  override restoreSession(pid: PrivateSessionId, offset: string): Promise<RestoredSession | null> {
    return Promise.resolve(this[kRestore](pid, offset));
  }

  private [kRestore](pid: PrivateSessionId, offset: string): RestoredSession | null {
    this[kSweep]();
    const kept = this[kSessions].get(pid);
    const since = kept === undefined ? undefined : this[kSeen](kept, offset);
    if (kept === undefined || since === undefined) return null;
    this[kSessions].delete(pid);
    const { session, memberships } = kept;
    // A client that disconnects again before it received everything resumes from the same offset.
    if (memberships !== undefined) this[kMemberships].set(session.sid, memberships);
    const missed = (): unknown[][] => this[kMissed](kept, since);
    return {
      ...session,
      get missedPackets(): unknown[][] {
        return missed();
      },
    };
  }

  async [kResumeSession](pid: PrivateSessionId, offset: string): Promise<RestoredSession | SocketIoError> {
    return (await this.restoreSession(pid, offset)) ?? new SocketIoError(this.refusalOf(pid));
  }

  /** Returns why the last attempt to restore a session failed, and drops the session. */
  refusalOf(pid: PrivateSessionId): RecoveryRefusal {
    return this[kSessions].delete(pid) ? "RECOVERY_OFFSET_UNKNOWN" : "RECOVERY_SESSION_UNKNOWN";
  }

  /** Returns the number of the last packet that a client received; undefined when a later one was dropped from the log. */
  private [kSeen]({ session, memberships, lostAt }: KeptSession, offset: string): number | undefined {
    const number = offset === "" ? (memberships?.get(session.sid) ?? 0) : this[kNumberOf](offset);
    if (number === undefined || this[kLog].lacks(number, lostAt - this[kRecoveryOptions].noticeTime)) return undefined;
    return number;
  }

  private [kMissed](kept: KeptSession, since: number): unknown[][] {
    const missed: unknown[][] = [];
    this[kLog].forEachAfter(since, (packet, number) => {
      const { session, memberships } = kept;
      if (isMeantFor(session, packet.opts, (room) => (memberships?.get(room) ?? 0) < number)) missed.push(packet.data);
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
    const { maxDisconnectionDuration, packetLifetime } = this[kRecoveryOptions];
    const [session] = this[kSessions].values();
    const due = Math.min(
      (session?.lostAt ?? Infinity) + maxDisconnectionDuration,
      (this[kLog].oldest?.sentAt ?? Infinity) + packetLifetime,
    );
    // New sessions and packets may come any time. Nothing expires before its last millisecond has passed.
    const delay = Math.min(due - this[kEngineClock].now(), maxDisconnectionDuration, packetLifetime) + 1;
    return Math.max(delay, SWEEP_INTERVAL);
  }

  private [kSweep](): void {
    const now = this[kEngineClock].now();
    for (const [pid, { lostAt }] of this[kSessions]) {
      if (lostAt + this[kRecoveryOptions].maxDisconnectionDuration >= now) break;
      this[kSessions].delete(pid);
    }
    this[kLog].dropBefore(now - this[kRecoveryOptions].packetLifetime);
  }
}
