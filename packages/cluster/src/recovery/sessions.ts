import type { Room, SocketId } from "@portage/server/adapter";
import {
  type AnswerWindow,
  kAnswers,
  type RecordedSocket,
  type RestoredSession,
  SocketIoError,
  type SocketIoErrorCode,
} from "@portage/server/relay";
import { formatOffset, parseOffset } from "../order/offset.ts";
import type { LogPosition } from "../order/log.ts";
import type { LoggedEvent } from "./events.ts";
import type { ReturnedSession } from "./held-session.ts";
import { RoomTimes } from "./room-times.ts";
import { decodeRecord, encodeRecord, encodeState, type SessionRecord } from "./record.ts";
import { SessionRecords } from "./records.ts";
import { Replay } from "./replay.ts";
import type { SessionSettings } from "./settings.ts";
import type { TakenRecord } from "./store.ts";

/** Time for a session to be found and its events to be read, in milliseconds. */
const RESUME_TIME = 5000;

/** Delay until the store or the log is asked again, in milliseconds. */
const PATIENCE_STEP = 100;
/** Time for the last records to be written, in milliseconds. */
const CLOSE_TIME = 1000;

/** A session that was found, with what its client missed. */
interface Found extends ReturnedSession {
  readonly replay: Replay;
  readonly last: LastRecord;
}

/** What the last owner of a session has of it. */
interface LastRecord {
  /** Undefined: nothing that the store does not have. */
  readonly record?: Buffer | undefined;
  /** The answers, if this node was the last owner, and listeners still run. */
  readonly answers?: AnswerWindow | undefined;
  /** The last owner, if it sends answers that are still to come. */
  readonly from?: string | undefined;
}

/** The sessions of a namespace: their records, and their return. */
export class ClusterSessions {
  readonly #settings: SessionSettings;
  readonly #records: SessionRecords;
  /** The last attempt to resume each session. */
  readonly #attempts = new Map<string, object>();
  /** Sessions whose sockets are not connected yet. */
  readonly #returned = new Map<string, Found>();

  constructor(settings: SessionSettings) {
    this.#settings = settings;
    this.#records = new SessionRecords(settings);
  }

  /** Number of sessions of connected sockets. */
  get size(): number {
    return this.#records.size;
  }

  // ---- sockets -------------------------------------------------------------------------------------------------------

  /** A socket is connected, and in these rooms. */
  open(socket: RecordedSocket, rooms: Iterable<Room>): void {
    const { pid } = socket;
    const found = this.#returned.get(pid);
    this.#returned.delete(pid);
    this.#records.open(socket, rooms, found && { ...found, through: found.replay.through });
  }

  /** A socket has joined rooms. Resolves when its record is written; undefined: it has none. */
  join(sid: SocketId, rooms: Iterable<Room>): Promise<void> | undefined {
    return this.#records.join(sid, rooms);
  }

  /** A socket has left rooms; without `rooms`, all. Resolves when its record is written; undefined: it has none. */
  leave(sid: SocketId, rooms?: Iterable<Room>): Promise<void> | undefined {
    return this.#records.leave(sid, rooms);
  }

  /** A socket has ended, and its client may return. */
  persist(pid: string, answers?: AnswerWindow): void {
    if (this.#records.persist(pid, answers)) return;
    const found = this.#returned.get(pid);
    if (found === undefined) return;
    this.#returned.delete(pid);
    const { sid, start, data } = found.record;
    const head = { sid, start, memberships: found.memberships.toRecord() };
    const encode = (): Buffer =>
      encodeRecord(head, encodeState(data), encodeState(answers?.record() ?? found.record.answers));
    this.#records.putBack(pid, { term: found.term, epoch: found.through.epoch, answers, encode });
  }

  /** Whether other nodes may still need this one: for records that are not written, or for answers of listeners that run. */
  get isAwaited(): boolean {
    return this.#records.ended.size > 0 || !this.#records.writer.isIdle;
  }

  /** A session is over for good, unless it was persisted before. */
  end(pid: string): void {
    this.#returned.delete(pid);
    this.#records.end(pid);
  }

  // ---- the return ----------------------------------------------------------------------------------------------------

  /**
   * Gives a session to the node that has ended a term. Returns its last record in that term, if the store may not have it or if
   * there are `answers`: listeners still run.
   */
  give(pid: string, term: string): Pick<LastRecord, "record" | "answers"> {
    this.#attempts.delete(pid);
    this.#settings.endSocket(pid);
    const ended = this.#records.ended.take(pid, term);
    const unwritten = this.#records.writer.give(pid, term);
    const record = ended?.encode() ?? unwritten;
    return { record, answers: record && ended?.answers };
  }

  /** Resolves with the session of a client, and with the events that it missed; or with the reason why not. */
  async resume(pid: string, offset: string): Promise<RestoredSession | SocketIoError> {
    const { clock } = this.#settings;
    const attempt = {};
    this.#attempts.set(pid, attempt);
    const deadline = clock.now() + RESUME_TIME;
    const term = this.#records.nextTerm();
    const found = await this.#inTime(this.#find({ pid, offset, term, deadline }));
    // Another connection, or another node, has asked for the session meanwhile.
    if (this.#attempts.get(pid) !== attempt) return new SocketIoError("RECOVERY_SESSION_UNKNOWN");
    this.#attempts.delete(pid);
    if (!(found instanceof SocketIoError)) return this.#restored(pid, found);
    if (found.code !== "RECOVERY_SESSION_UNKNOWN") this.#records.remove(pid, term);
    return found;
  }

  #inTime(search: Promise<Found | SocketIoError>): Promise<Found | SocketIoError> {
    return new Promise((resolve) => {
      const late = (): void => resolve(new SocketIoError("RECOVERY_FAILED", "the store did not answer in time"));
      const timer = this.#settings.clock.after(RESUME_TIME, late);
      void search
        .catch((error: unknown) => new SocketIoError("RECOVERY_FAILED", undefined, { cause: error }))
        .then((found) => {
          timer.cancel();
          resolve(found);
        });
    });
  }

  async #find({ pid, offset, term, deadline }: Search): Promise<Found | SocketIoError> {
    const { nsp, store, events, recovery, tag, clock } = this.#settings;
    const before = events.delivered;
    const take = (): Promise<TakenRecord | undefined> =>
      store.take(nsp, pid, recovery.maxDisconnectionDuration, { term, tag: tag() });
    const taken = await this.#patiently(deadline, take);
    if (taken === undefined) return new SocketIoError("RECOVERY_SESSION_UNKNOWN");
    if (isBehind(taken.position, before)) return new SocketIoError("RECOVERY_EPOCH");
    const last = await this.#latest(pid, taken);
    const record = decodeRecord(last.record ?? taken.record);
    if (record === undefined) return new SocketIoError("RECOVERY_FAILED", "the record of the session is malformed");
    const after = seenBy(record, offset, taken.position);
    if (typeof after === "string") return new SocketIoError(after);
    const memberships = RoomTimes.from(record.memberships, clock.now());
    memberships.enter(taken.position.epoch);
    if (after < memberships.forgotten) return new SocketIoError("RECOVERY_OFFSET_UNKNOWN");
    const replay = this.#replay(record.sid, memberships, { after, position: taken.position, deadline });
    const refusal = await this.#patiently(deadline, () => replay.read());
    if (refusal !== undefined) return new SocketIoError(refusal);
    return { term, record, memberships, replay, last, through: replay.through };
  }

  /** Asks the store or the log again while that is away, as long as there is time. */
  async #patiently<Answer>(deadline: number, ask: () => Promise<Answer>): Promise<Answer> {
    const { clock } = this.#settings;
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        if (clock.now() + PATIENCE_STEP >= deadline) throw error;
        await new Promise<void>((resolve) => void clock.after(PATIENCE_STEP, resolve));
      }
    }
  }

  /** Returns a newer record than the store has: the last owner may not have written it. */
  async #latest(pid: string, { previous }: TakenRecord): Promise<LastRecord> {
    const { writer, ended } = this.#records;
    const own = writer.pending(pid, previous.term);
    writer.forget(pid);
    if (this.#records.isOwn(previous.term)) return { record: own, answers: ended.take(pid, previous.term)?.answers };
    const record = await this.#settings.ask(previous, pid);
    return { record, from: record && previous.tag };
  }

  #replay(sid: string, memberships: RoomTimes, { after, position, deadline }: ReplayRange): Replay {
    const { events, clock, maxReplayBytes } = this.#settings;
    const isLate = (): boolean => clock.now() >= deadline;
    return new Replay({ events, sid, memberships, after, position, maxBytes: maxReplayBytes(), isLate });
  }

  #restored(pid: string, found: Found): RestoredSession {
    const { record, memberships, replay, last } = found;
    this.#returned.set(pid, found);
    const answers = last.from === undefined ? last.answers : this.#settings.takeAnswers(pid, last.from, record.answers);
    return {
      [kAnswers]: answers,
      sid: record.sid,
      pid,
      rooms: memberships.rooms,
      data: record.data,
      answers: record.answers,
      get missedPackets(): unknown[][] {
        return replay.join().map(dataOf);
      },
    };
  }

  // ---- the end -------------------------------------------------------------------------------------------------------

  /** Resolves when no record is being written, or after a time. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = this.#settings.clock.after(CLOSE_TIME, resolve);
      void this.#records.writer.settle().then(() => {
        timer.cancel();
        resolve();
      });
    });
    this.#records.close();
  }
}

interface Search {
  readonly pid: string;
  readonly offset: string;
  readonly term: string;
  readonly deadline: number;
}

interface ReplayRange {
  readonly after: number;
  readonly position: LogPosition;
  readonly deadline: number;
}

/** Returns an event as its client gets it. */
function dataOf(missed: LoggedEvent): unknown[] {
  return [...missed.event.packet.event.data, formatOffset(missed)];
}

/** Whether the log has lost events that this node had delivered before it asked. */
function isBehind({ epoch, number }: LogPosition, before: LogPosition | undefined): boolean {
  return epoch === before?.epoch && number < before.number;
}

/** Returns the last event that a client has got, or why that is not known. */
function seenBy(record: SessionRecord, offset: string, { epoch, number }: LogPosition): number | SocketIoErrorCode {
  const seen = offset === "" ? record.start : parseOffset(offset);
  if (seen === undefined) return "RECOVERY_OFFSET_UNKNOWN";
  // An event that the log does not have any more was sent before the log lost its end.
  return seen.epoch === epoch && seen.number <= number ? seen.number : "RECOVERY_EPOCH";
}
