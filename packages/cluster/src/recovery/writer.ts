import type { Clock } from "@portage/server/relay";
import type { ClusterStore, WriteOutcome } from "./store.ts";

/** What a record should be. */
export interface WantedRecord {
  readonly pid: string;
  readonly term: string;
  /** Undefined: removed. */
  readonly record: Buffer | undefined;
  /** Milliseconds until it expires. */
  readonly ttl: number;
  /** See the store. */
  readonly epoch: string | undefined;
}

/** The same, from now on. */
interface Wanted {
  readonly term: string;
  epoch: string | undefined;
  /** Undefined: removed. */
  readonly record: Buffer | undefined;
  /** When it expires, by the clock. */
  readonly expiresAt: number;
  /** Called when it is written, or can't be. */
  readonly onSettled: (() => void)[];
}

/** The writes of one record. At most one is under way, so that they arrive in order. */
interface Slot {
  current: Wanted | undefined;
  next: Wanted | undefined;
}

/** A record that another node has taken before it was written. */
interface Late {
  readonly term: string;
  readonly record: Buffer;
  readonly until: number;
}

export interface WriterSettings {
  readonly nsp: string;
  readonly store: ClusterStore;
  readonly clock: Clock;
  /** Most records that wait while the store is away; the oldest are dropped. */
  readonly maxRecords: number;
  /** The epoch of the log, as far as this node knows. */
  readonly epoch: () => string | undefined;
  /** The tag of this node. */
  readonly tag: () => string;
  /** A record was written or removed, another node has taken it, or the store has lost it. */
  readonly onOutcome: (pid: string, term: string, outcome: WriteOutcome | "removed") => void;
  /** The store does not answer; called once until it does. */
  readonly onFailed: (error: unknown) => void;
  readonly onDropped: () => void;
}

/** How long a record that came too late is kept for the node that has taken it, in milliseconds. */
const LATE_TIME = 2000;
/** Most writes that are repeated at once. */
const MAX_RETRIES = 500;

/** Writes records in order, the newest state of each; repeats what has failed. */
export class RecordWriter {
  readonly #settings: WriterSettings;
  readonly #slots = new Map<string, Slot>();
  readonly #late = new Map<string, Late>();
  readonly #waiting = new Set<() => void>();
  #store: "answers" | "fails" = "answers";

  constructor(settings: WriterSettings) {
    this.#settings = settings;
  }

  /** Whether nothing is left to do. */
  get isIdle(): boolean {
    return this.#slots.size === 0 && this.#late.size === 0;
  }

  /** Writes a record; undefined removes it. Resolves when that is done, or when the store does not answer. */
  write({ pid, term, record, ttl, epoch }: WantedRecord): Promise<void> {
    return new Promise((resolve) => {
      const slot = this.#slots.get(pid) ?? this.#addSlot(pid);
      const onSettled = [...(slot.next?.onSettled ?? []), resolve];
      const had = slot.next?.term === term ? slot.next.epoch : undefined;
      slot.next = { term, record, epoch: epoch ?? had, expiresAt: this.#settings.clock.now() + ttl, onSettled };
      if (slot.current === undefined) void this.#send(pid, slot);
    });
  }

  /** Returns the last record of a term, if the store may not have it. */
  pending(pid: string, term: string): Buffer | undefined {
    const slot = this.#slots.get(pid);
    const last = slot?.next ?? slot?.current ?? this.#late.get(pid);
    return last?.term === term ? last.record : undefined;
  }

  /** Returns the same for the node that has taken the session. It is not written any more, for that would have no effect. */
  give(pid: string, term: string): Buffer | undefined {
    const record = this.pending(pid, term);
    if (record !== undefined) this.forget(pid);
    return record;
  }

  /** This node has taken a session: what it would write for an earlier term has no effect any more. */
  forget(pid: string): void {
    const slot = this.#slots.get(pid);
    this.#slots.delete(pid);
    this.#late.delete(pid);
    for (const settled of [...(slot?.current?.onSettled ?? []), ...(slot?.next?.onSettled ?? [])]) settled();
  }

  /** Repeats what has failed, and drops what has expired. */
  retry(): void {
    const now = this.#settings.clock.now();
    for (const [pid, { until }] of this.#late) if (until <= now) this.#late.delete(pid);
    let sent = 0;
    for (const [pid, slot] of this.#slots) {
      if (slot.current !== undefined) continue;
      if (slot.next === undefined || slot.next.expiresAt <= now) this.#slots.delete(pid);
      else if (sent < MAX_RETRIES) {
        sent += 1;
        void this.#send(pid, slot);
      }
    }
  }

  /** Resolves when no write is under way. */
  settle(): Promise<void> {
    if (!this.#isWriting) return Promise.resolve();
    return new Promise((resolve) => void this.#waiting.add(resolve));
  }

  get #isWriting(): boolean {
    for (const { current } of this.#slots.values()) if (current !== undefined) return true;
    return false;
  }

  #addSlot(pid: string): Slot {
    const slot: Slot = { current: undefined, next: undefined };
    this.#slots.set(pid, slot);
    if (this.#slots.size > this.#settings.maxRecords) this.#dropOldest();
    return slot;
  }

  #dropOldest(): void {
    for (const [pid, { current, next }] of this.#slots) {
      if (current !== undefined || next === undefined) continue;
      this.#slots.delete(pid);
      return this.#settings.onDropped();
    }
  }

  async #send(pid: string, slot: Slot): Promise<void> {
    const { nsp, store, clock, tag } = this.#settings;
    const wanted = slot.next!;
    slot.current = wanted;
    slot.next = undefined;
    const { record, term, epoch } = wanted;
    const ttl = Math.max(1, wanted.expiresAt - clock.now());
    const isSent = store.isUp;
    try {
      const owner = { term, tag: tag() };
      const outcome = record === undefined ? "removed" : await store.put(nsp, { pid, record, ttl, epoch }, owner);
      if (outcome === "removed") await store.remove(nsp, { pid, term }, ttl);
      this.#store = "answers";
      if (this.#slots.get(pid) === slot) this.#onOutcome(pid, slot, outcome);
    } catch (error) {
      if (this.#slots.get(pid) === slot) this.#onFailure(slot, wanted, error);
      if (isSent) this.#noteHad(slot, record);
    }
    if (this.#waiting.size > 0 && !this.#isWriting) this.#release();
  }

  #onOutcome(pid: string, slot: Slot, outcome: WriteOutcome | "removed"): void {
    const { current, next } = slot;
    slot.current = undefined;
    for (const settled of current?.onSettled ?? []) settled();
    if (outcome === "kept" || outcome === "removed") {
      this.#noteHad(slot, current?.record);
      this.#settings.onOutcome(pid, current?.term ?? "", outcome);
      if (next === undefined) this.#slots.delete(pid);
      else void this.#send(pid, slot);
      return;
    }
    this.#slots.delete(pid);
    for (const settled of next?.onSettled ?? []) settled();
    const { record, term = "" } = next ?? current ?? {};
    const until = this.#settings.clock.now() + LATE_TIME;
    if (record !== undefined && outcome === "taken") this.#late.set(pid, { term, record, until });
    this.#settings.onOutcome(pid, term, outcome);
  }

  /** The store has had this record, or may have: the next write is not the first one then. */
  #noteHad({ next }: Slot, record: Buffer | undefined): void {
    if (next !== undefined) next.epoch = record && (next.epoch ?? this.#settings.epoch());
  }

  #onFailure(slot: Slot, wanted: Wanted, error: unknown): void {
    slot.current = undefined;
    slot.next ??= wanted;
    for (const settled of [...wanted.onSettled, ...slot.next.onSettled]) settled();
    slot.next.onSettled.length = 0;
    if (this.#store === "fails") return;
    this.#store = "fails";
    this.#settings.onFailed(error);
  }

  #release(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
