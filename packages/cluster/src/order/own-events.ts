import { sizeInBytes, encodeEntry, encodeRetry, type EntryData, type WrittenEntry, type EntryKind } from "./entry.ts";
import type { ClusterLog, LogPosition } from "./log.ts";

/** Most entries and bytes that are appended at once. */
const APPEND_BATCH = { entries: 500, bytes: 1e6 } as const;
/** Milliseconds before entries are appended again after a failure. */
const APPEND_RETRY_DELAY = 200;

/** What happens to own events. */
export interface OwnEventsHandler<Event> {
  /** Delivers an event on this node, out of the order of the log. */
  deliverEarly(event: Event): void;
  /** The log has stored own entries. */
  onAppended(position: LogPosition): void;
  /** Entries could not be appended; they are tried again. */
  onFailed(): void;
  /** An event was not appended, because too many wait. */
  onDropped(): void;
}

export interface OwnEventsHost {
  readonly nsp: string;
  /** Names this node as a writer: eight ASCII characters. */
  readonly writer: string;
  readonly log: ClusterLog;
  readonly clock: { now(): number; after(ms: number, fn: () => void): { cancel(): void } };
  /** The epoch of the log, as far as this node knows. */
  readonly epoch: () => string | undefined;
  /** Whether entries that are appended now will come back. */
  readonly comesBack: () => boolean;
  /** Calls back at the end of the turn. */
  readonly atEndOfTurn: (fn: () => void) => void;
  /** Most bytes that wait to be appended. */
  readonly maxQueuedBytes: number;
}

/** Something to do after the events before it. */
export interface HeldAction {
  readonly run: () => void;
  /** The only socket that it concerns. */
  readonly sid?: string | undefined;
  /** Does the part for a socket, which will have ended when the rest is done. */
  readonly runFor?: ((sid: string) => void) | undefined;
}

/** An event that this node has not delivered yet, or something to do. */
type PendingStep<Event> = { readonly sequence: number; readonly event: Event; readonly at: number } | HeldAction;

/** The log has the entries up to this sequence, and the last one at this position or before. */
interface Confirmed {
  readonly sequence: number;
  readonly position: LogPosition;
}

interface Unsent {
  readonly sequence: number;
  body: EntryData;
  bytes: number;
}

/**
 * The events of this node: they are appended to the log in the order of the program, and delivered when they come back.
 *
 * Two queues: `unsent`, of entries that the log does not confirm yet, and `steps`, of what this node has still to deliver or to do. While
 * events are delivered early, `steps` is empty. Sequences have no gaps: an event that is dropped has none.
 */
export class OwnEvents<Event> {
  readonly #host: OwnEventsHost;
  readonly #handler: OwnEventsHandler<Event>;
  #unsent: Unsent[] = [];
  #unsentBytes = 0;
  #steps: PendingStep<Event>[] = [];
  /** What the log has of the events that this node has not delivered yet. */
  readonly #confirmed: Confirmed[] = [];
  #sequence = 0;
  /** All events up to this sequence were delivered on this node. */
  #deliveredThrough = 0;
  #appended: LogPosition | undefined;
  #phase: "idle" | "scheduled" | "appending" | "waiting" | "closed" = "idle";
  #lastAttempt: "confirmed" | "failed" = "confirmed";
  #retry: { cancel(): void } | undefined;

  constructor(host: OwnEventsHost, handler: OwnEventsHandler<Event>) {
    this.#host = host;
    this.#handler = handler;
  }

  /** Bytes that the log has not confirmed. */
  get queuedBytes(): number {
    return this.#unsentBytes;
  }

  /** Whether something waits for the log before this node delivers or does it. */
  get isHolding(): boolean {
    return this.#steps.length > 0;
  }

  /** The events that this node has not delivered yet. */
  held(): Event[] {
    return this.#steps.flatMap((step) => ("run" in step ? [] : [step.event]));
  }

  /** Where the last own entry is; undefined before the first. */
  get appended(): LogPosition | undefined {
    return this.#appended;
  }

  /** Whether the last attempt to append has failed. */
  get isFailing(): boolean {
    return this.#lastAttempt === "failed";
  }

  get isEmpty(): boolean {
    return this.#unsent.length === 0;
  }

  /** Whether an event of this size can wait. */
  hasRoom(bytes: number): boolean {
    return this.#unsentBytes + bytes <= this.#host.maxQueuedBytes;
  }

  /** Appends an event, and holds it until it comes back. */
  add(event: Event, payload: EntryData): void {
    const sequence = this.#append("event", payload);
    this.#steps.push({ sequence, event, at: this.#host.clock.now() });
  }

  /** Delivers an event at once, and appends it for the other nodes. */
  addEarly(event: Event, payload: EntryData): void {
    if (this.hasRoom(sizeInBytes(payload))) this.#deliveredThrough = this.#append("event", payload);
    else this.#handler.onDropped();
    this.#handler.deliverEarly(event);
  }

  /** Appends a hole: clients that have not got an event beyond it can't resume. */
  addHole(): void {
    this.#append("hole", "");
  }

  /** Runs a step of the program after all events that were added before it. */
  run(action: HeldAction): void {
    if (this.#steps.length > 0) this.#steps.push(action);
    else action.run();
  }

  /**
   * A socket is about to end: does for it what waits, and calls `deliver` with the events that this node has not delivered yet.
   * `got`: the socket has got the events up to here already.
   */
  finish(sid: string, got: LogPosition | undefined, deliver: (event: Event) => void): void {
    const steps = this.#steps;
    this.#steps = steps.filter((step) => !("run" in step && step.sid === sid));
    for (const step of steps) {
      if (!("run" in step)) {
        if (got === undefined || !this.#isWithin(got, step.sequence)) deliver(step.event);
      } else if (step.sid === sid) step.run();
      else step.runFor?.(sid);
    }
  }

  /** Whether the log is known to have an own event at a position or before. */
  #isWithin({ epoch, number }: LogPosition, sequence: number): boolean {
    const batch = this.#confirmed.find((each) => each.sequence >= sequence);
    return batch?.position.epoch === epoch && batch.position.number - (batch.sequence - sequence) <= number;
  }

  #append(kind: EntryKind, payload: EntryData): number {
    this.#sequence += 1;
    const body = encodeEntry({ writer: this.#host.writer, sequence: this.#sequence, kind, payload });
    const bytes = sizeInBytes(body);
    this.#unsent.push({ sequence: this.#sequence, body, bytes });
    this.#unsentBytes += bytes;
    this.#schedule();
    return this.#sequence;
  }

  // ---- to the log --------------------------------------------------------------------------------------------------

  #schedule(): void {
    if (this.#phase !== "idle") return;
    this.#phase = "scheduled";
    this.#host.atEndOfTurn(() => {
      if (this.#phase === "scheduled") void this.#send();
    });
  }

  /** The log can be used now, or again. */
  resume(): void {
    if (this.#phase !== "waiting") return;
    this.#retry?.cancel();
    void this.#send();
  }

  async #send(): Promise<void> {
    const first = this.#unsent[0];
    if (first === undefined) {
      this.#phase = "idle";
      return;
    }
    const batch = this.#nextBatch();
    const { sequence } = first;
    const { nsp, writer, log, comesBack } = this.#host;
    // What was not sent is not in doubt.
    if (!log.isUp || !comesBack()) return this.#wait();
    this.#phase = "appending";
    let epoch = this.#host.epoch();
    try {
      // An attempt without a known epoch would be in doubt for ever.
      epoch ??= (await log.position(nsp)).epoch;
      if (this.#isClosed) return;
      const position = await log.append(nsp, { writer, sequence, bodies: batch.map(({ body }) => body) });
      if (!this.#isClosed) this.#confirm(batch, position);
    } catch {
      if (this.#isClosed) return;
      this.#lastAttempt = "failed";
      if (epoch !== undefined) this.#markRetries(batch, epoch);
      this.#wait();
    }
  }

  get #isClosed(): boolean {
    return this.#phase === "closed";
  }

  #nextBatch(): Unsent[] {
    const batch: Unsent[] = [];
    let bytes = 0;
    for (const entry of this.#unsent) {
      bytes += entry.bytes;
      if (batch.length >= APPEND_BATCH.entries || (bytes > APPEND_BATCH.bytes && batch.length > 0)) break;
      batch.push(entry);
    }
    return batch;
  }

  #confirm(batch: readonly Unsent[], position: LogPosition): void {
    this.#unsent.splice(0, batch.length);
    for (const { bytes } of batch) this.#unsentBytes -= bytes;
    this.#lastAttempt = "confirmed";
    this.#appended = position;
    this.#noteConfirmed({ sequence: batch.at(-1)!.sequence, position });
    this.#handler.onAppended(position);
    if (!this.#isClosed) void this.#send();
  }

  #noteConfirmed(last: Confirmed): void {
    const confirmed = this.#confirmed;
    while (confirmed.length > 0 && confirmed[0]!.sequence <= this.#deliveredThrough) confirmed.shift();
    if (last.sequence > this.#deliveredThrough) confirmed.push(last);
  }

  /** The log may have these entries. If it loses them and gets them again, clients may get them twice. */
  #markRetries(batch: readonly Unsent[], epoch: string): void {
    for (const entry of batch) {
      this.#unsentBytes -= entry.bytes;
      entry.body = encodeRetry(entry.body, epoch);
      entry.bytes = sizeInBytes(entry.body);
      this.#unsentBytes += entry.bytes;
    }
  }

  #wait(): void {
    this.#phase = "waiting";
    this.#retry = this.#host.clock.after(APPEND_RETRY_DELAY, () => this.resume());
    this.#handler.onFailed();
  }

  // ---- back from the log -------------------------------------------------------------------------------------------

  /** Returns the event of an own entry, or `delivered`; undefined for an entry of another node. */
  take({ writer, sequence }: WrittenEntry, onLag: (ms: number) => void): Event | "delivered" | undefined {
    if (writer !== this.#host.writer) return undefined;
    if (sequence <= this.#deliveredThrough) return "delivered";
    this.#deliverBefore(sequence);
    this.#deliveredThrough = sequence;
    const step = this.#steps[0];
    // A hole is not a step.
    if (step === undefined || "run" in step || step.sequence !== sequence) return "delivered";
    this.#steps.shift();
    onLag(this.#host.clock.now() - step.at);
    return step.event;
  }

  /** Delivers the events before a sequence: they have been appended, and will not come any more. */
  #deliverBefore(sequence: number): void {
    for (let step = this.#steps[0]; step !== undefined; step = this.#steps[0]) {
      if (!("run" in step) && step.sequence >= sequence) return;
      this.#steps.shift();
      this.#do(step);
    }
  }

  /** Does what waits only for events that were delivered. */
  runSteps(): void {
    for (let step = this.#steps[0]; step !== undefined && "run" in step; step = this.#steps[0]) {
      this.#steps.shift();
      step.run();
    }
  }

  /** Delivers everything that is held, out of the order of the log. */
  deliverAll(): void {
    for (let step = this.#steps.shift(); step !== undefined; step = this.#steps.shift()) this.#do(step);
  }

  /** Delivers the events that the log has confirmed, and that will not come: the log has lost them, or has trimmed them. */
  deliverLost(): void {
    this.#deliverBefore(this.#unsent[0]?.sequence ?? this.#sequence + 1);
  }

  #do(step: PendingStep<Event>): void {
    if ("run" in step) return step.run();
    this.#deliveredThrough = step.sequence;
    this.#handler.deliverEarly(step.event);
  }

  /** What waits is delivered and done; the other nodes do not get what the log does not have. */
  close(): void {
    this.#phase = "closed";
    this.#retry?.cancel();
    this.deliverAll();
    this.#unsent = [];
    this.#unsentBytes = 0;
  }
}
