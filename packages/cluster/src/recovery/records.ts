import { type AnswerWindow, nextTurn, type RecordedSocket, SocketIoError } from "@portage/server/relay";
import type { Room, SocketId } from "@portage/server/adapter";
import type { LogPosition } from "../order/log.ts";
import { type EndedSession, EndedSessions } from "./ended-sessions.ts";
import { HeldSession, type ReturnedSession } from "./held-session.ts";
import type { SessionSettings } from "./settings.ts";
import type { WriteOutcome } from "./store.ts";
import { RecordWriter, type WantedRecord } from "./writer.ts";

/** Time after which `data` is compared: once after the connection, then again and again. In milliseconds. */
const FIRST_CHECK = 1000;
const CHECK = 10_000;
/** A record outlives its session's time by so many checks, since a node that is killed can't write when that was. */
const MISSED_CHECKS = 2;
/** Shortest time between two looks at what is due, in milliseconds. */
const TICK = 1000;
/** Milliseconds by which a timer may be early. */
const TIMER_SLACK = 1;
/** Records that are renewed at once. */
const RENEWED_AT_ONCE = 500;
/** The position of a node that has not joined the log. It is in no epoch. */
const NOWHERE: LogPosition = { epoch: "", number: 0 };
/** Largest record, in bytes. */
const MAX_RECORD_BYTES = 1e6;

/** The records of the connected sockets of a namespace. */
export class SessionRecords {
  readonly writer: RecordWriter;
  readonly ended = new EndedSessions((pid, session) => this.#writeEnded(pid, session));
  readonly #settings: SessionSettings;
  readonly #byPid = new Map<string, HeldSession>();
  readonly #bySid = new Map<SocketId, HeldSession>();
  /** Sessions that have changed in this turn, with the promise of their next record. */
  #changed = new Map<HeldSession, PromiseWithResolve>();
  /** In the order of their next check. */
  readonly #fresh = new Set<HeldSession>();
  readonly #settled = new Set<HeldSession>();
  #terms = 0;
  /** The next look, and when it is. */
  #tick: { readonly at: number; cancel(): void } | undefined;

  constructor(settings: SessionSettings) {
    this.#settings = settings;
    const { nsp, store, clock, recovery, tag, onError, onDropped } = settings;
    this.writer = new RecordWriter({
      nsp,
      store,
      clock,
      tag,
      epoch: () => this.#epoch,
      maxRecords: recovery.maxSessions,
      onOutcome: (pid, term, outcome) => this.#onOutcome(pid, term, outcome),
      onFailed: onError,
      onDropped,
    });
  }

  /** Number of sessions, for metrics and tests. */
  get size(): number {
    return this.#byPid.size;
  }

  /** The last event of the log that this node has delivered. */
  get #position(): LogPosition {
    return this.#settings.events.reached ?? NOWHERE;
  }

  get #epoch(): string | undefined {
    return this.#settings.events.reached?.epoch;
  }

  /** How long a session can be resumed after its end, in milliseconds. */
  get #ttl(): number {
    return this.#settings.recovery.maxDisconnectionDuration;
  }

  /** Returns a name for a new term. */
  nextTerm(): string {
    this.#terms += 1;
    return `${this.#settings.life}.${this.#terms}`;
  }

  /** Whether a term is of this node. */
  isOwn(term: string): boolean {
    return term.startsWith(`${this.#settings.life}.`);
  }

  /** A socket is connected. */
  open(socket: RecordedSocket, rooms: Iterable<Room>, returned: ReturnedSession | undefined): void {
    const held =
      returned === undefined
        ? HeldSession.begin(socket, rooms, { term: this.nextTerm(), position: this.#position })
        : HeldSession.resume(socket, rooms, returned);
    this.#byPid.set(socket.pid, held);
    this.#bySid.set(socket.id, held);
    held.dueAt = this.#settings.clock.now() + FIRST_CHECK;
    this.#fresh.add(held);
    void this.#change(held);
    this.#tickLater();
  }

  /** A socket has joined rooms. Resolves when that is written. */
  join(sid: SocketId, rooms: Iterable<Room>): Promise<void> | undefined {
    const held = this.#bySid.get(sid);
    if (held === undefined) return undefined;
    return held.join(rooms, this.#position) ? this.#change(held) : this.#changed.get(held)?.promise;
  }

  /** A socket has left rooms; without `rooms`, all. Resolves when that is written. */
  leave(sid: SocketId, rooms?: Iterable<Room>): Promise<void> | undefined {
    const held = this.#bySid.get(sid);
    if (held === undefined) return undefined;
    const hasLeft = held.leave(rooms ?? held.rooms, this.#position, this.#settings.clock.now());
    return hasLeft ? this.#change(held) : this.#changed.get(held)?.promise;
  }

  /** A socket has ended, and its client may return. Returns false if no session of this node has that id. */
  persist(pid: string, answers?: AnswerWindow): boolean {
    const held = this.#byPid.get(pid);
    if (held === undefined) return false;
    this.#drop(held);
    if (held.isOver) return true;
    this.putBack(pid, { term: held.term, epoch: held.epoch, answers, encode: () => this.#encode(held) });
    return true;
  }

  /** A session is over for good. */
  end(pid: string): void {
    const held = this.#byPid.get(pid);
    if (held === undefined) return;
    this.#drop(held);
    if (held.isOver) return;
    this.remove(pid, held.term);
  }

  /** Writes the record of a session without a socket, and again when listeners answer that still run. */
  putBack(pid: string, { term, epoch, answers, encode }: UnheldSession): void {
    this.#put({ pid, term, epoch, record: encode(), ttl: this.#ttl });
    const until = this.#settings.clock.now() + this.#ttl;
    if (answers !== undefined) this.ended.add(pid, { term, epoch, answers, encode, until });
  }

  /** Removes the record of a session that has not connected. */
  remove(pid: string, term: string): void {
    this.#put({ pid, term, epoch: undefined, record: undefined, ttl: this.#ttl });
  }

  #writeEnded(pid: string, { term, epoch, encode, until }: EndedSession): void {
    const ttl = until - this.#settings.clock.now();
    if (ttl > 0) this.#put({ pid, term, epoch, record: encode(), ttl });
  }

  #put(wanted: WantedRecord): void {
    void this.writer.write(wanted);
    this.#tickLater();
  }

  close(): void {
    this.#tick?.cancel();
    this.#tick = undefined;
  }

  #drop(held: HeldSession): void {
    const { id, pid } = held.socket;
    this.#byPid.delete(pid);
    if (this.#bySid.get(id) === held) this.#bySid.delete(id);
    this.#fresh.delete(held);
    this.#settled.delete(held);
    this.#changed.get(held)?.resolve();
    this.#changed.delete(held);
  }

  // ---- changes -------------------------------------------------------------------------------------------------------

  #change(held: HeldSession): Promise<void> {
    let pending = this.#changed.get(held);
    if (pending === undefined) {
      if (this.#changed.size === 0) nextTurn(() => this.#flush(), undefined);
      this.#changed.set(held, (pending = withResolve()));
    }
    return pending.promise;
  }

  /** Writes what has changed in this turn. */
  #flush(): void {
    const changed = this.#changed;
    this.#changed = new Map();
    for (const [held, { resolve }] of changed) void this.#write(held).then(resolve);
  }

  #write(held: HeldSession): Promise<void> {
    if (held.isOver) return Promise.resolve();
    const { recovery } = this.#settings;
    const { socket, term, epoch } = held;
    const ttl = recovery.maxDisconnectionDuration + MISSED_CHECKS * CHECK;
    const written = this.writer.write({ pid: socket.pid, term, epoch, record: this.#encode(held), ttl });
    this.#tickLater();
    return written;
  }

  /** Returns the record of a session. Undefined: it has none, because its `data` can't be encoded or is too large. */
  #encode(held: HeldSession): Buffer | undefined {
    const before = held.phase;
    try {
      const record = held.encode(this.#position);
      if (record.length > MAX_RECORD_BYTES) throw tooLarge();
      held.phase = "open";
      return record;
    } catch (error) {
      held.phase = "unwritable";
      if (before !== "unwritable") this.#settings.onError(error);
      return undefined;
    }
  }

  /** The client of a taken session has left this node. A session without a record can't be resumed, and its client stays. */
  #onOutcome(pid: string, term: string, outcome: WriteOutcome | "removed"): void {
    const held = this.#byPid.get(pid);
    if (held?.term !== term) return;
    if (outcome === "taken" || outcome === "missing") held.phase = outcome;
    else held.epoch = outcome === "kept" ? this.#epoch : undefined;
    if (outcome === "taken") this.#settings.endSocket(pid);
  }

  // ---- time ----------------------------------------------------------------------------------------------------------

  /** Looks once something is due. */
  #tickLater(): void {
    const { clock } = this.#settings;
    const now = clock.now();
    const at = Math.max(now + TICK, this.#dueAt(now));
    if (at === Infinity || (this.#tick !== undefined && this.#tick.at <= at)) return;
    this.#tick?.cancel();
    const timer = clock.after(Math.ceil(at - now), () => {
      this.#tick = undefined;
      this.writer.retry();
      this.ended.expire(clock.now());
      this.#check();
      this.#tickLater();
    });
    this.#tick = { at, cancel: () => timer.cancel() };
  }

  #dueAt(now: number): number {
    if (this.ended.size > 0 || !this.writer.isIdle) return now;
    return Math.min(firstDue(this.#fresh), firstDue(this.#settled));
  }

  /** Compares the data of due sessions, writes the records of changed ones, and renews the others. */
  #check(): void {
    const now = this.#settings.clock.now();
    const unchanged: HeldSession[] = [];
    for (const queue of [this.#fresh, this.#settled]) {
      for (const held of queue) {
        if (held.dueAt > now + TIMER_SLACK) break;
        queue.delete(held);
        held.dueAt = now + CHECK;
        this.#settled.add(held);
        held.forgetBefore(now - this.#settings.recovery.noticeTime);
        if (this.#hasChanged(held)) void this.#write(held);
        else unchanged.push(held);
      }
    }
    for (let i = 0; i < unchanged.length; i += RENEWED_AT_ONCE) {
      void this.#renew(unchanged.slice(i, i + RENEWED_AT_ONCE));
    }
  }

  #hasChanged(held: HeldSession): boolean {
    if (held.phase === "unwritable") return true;
    try {
      return held.readData();
    } catch {
      return true;
    }
  }

  async #renew(sessions: readonly HeldSession[]): Promise<void> {
    const { nsp, store, recovery, onError } = this.#settings;
    try {
      const ttl = recovery.maxDisconnectionDuration + MISSED_CHECKS * CHECK;
      const records = sessions.map(({ term, socket: { pid } }) => ({ pid, term }));
      const outcomes = await store.renew(nsp, records, ttl);
      for (const [i, outcome] of outcomes.entries()) this.#onRenewed(sessions[i]!, outcome);
    } catch (error) {
      onError(error);
    }
  }

  #onRenewed(held: HeldSession, outcome: WriteOutcome): void {
    const { pid } = held.socket;
    if (outcome !== "missing") this.#onOutcome(pid, held.term, outcome);
    else if (this.#byPid.get(pid) === held) void this.#write(held);
  }
}

interface UnheldSession extends Pick<EndedSession, "term" | "epoch" | "encode"> {
  readonly answers: AnswerWindow | undefined;
}

function firstDue(queue: Iterable<HeldSession>): number {
  for (const { dueAt } of queue) return dueAt;
  return Infinity;
}

function tooLarge(): SocketIoError {
  return new SocketIoError("CLUSTER_MESSAGE_TOO_LARGE", "the record of a session is too large: keep `data` small");
}

interface PromiseWithResolve {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

function withResolve(): PromiseWithResolve {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}
