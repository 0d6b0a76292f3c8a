import type { DeliveryHandler, DeliveryHost } from "./delivery-host.ts";
import { decodeEntry, isDoubtful, type WrittenEntry } from "./entry.ts";
import type { LogEntry, LogFollower, LogPosition, LogReading, StoredEvent } from "./log.ts";
import { Ring } from "./ring.ts";
import { WaitingEntries } from "./waiting.ts";
import { Writers } from "./writers.ts";

/** Milliseconds before a failed reading is tried again. */
const READ_RETRY_DELAY = 200;

/** Former epochs that are remembered, so that a late entry is not taken for one of a new epoch. */
const MOST_PAST_EPOCHS = 16;

/** `away`: new entries do not come; `reading`: earlier ones are read first; `live`: they are delivered as they come. */
type DeliveryPhase = "away" | "reading" | "live" | "closed";

/**
 * Whether the log still has the entries that were delivered. `unverified`: it may have lost its end and got other entries with the
 * same numbers, while this node did not follow it. `diverged`: it has.
 */
type LogTrust = "trusted" | "unverified" | "diverged";

/**
 * Delivers the entries of a namespace by their number, each once.
 *
 * Invariant between calls: every entry up to `delivered` was delivered, unless this node had not joined then, or `onLost` has
 * reported a loss. What would break it: delivering an entry anywhere but in `#handle`.
 */
export class OrderedDelivery<Event> implements LogFollower {
  readonly #host: DeliveryHost;
  readonly #handler: DeliveryHandler<Event>;
  readonly #waiting = new WaitingEntries();
  readonly #writers = new Writers();
  readonly #skips = new Map<string, LogPosition>();
  #phase: DeliveryPhase = "away";
  #delivered: LogPosition | undefined;
  /** This node has not handled entries of this epoch up to this number, and late ones may come. */
  #from = 0;
  /** The entry at this position; undefined: it is not known. */
  #last: Pick<WrittenEntry, "writer" | "sequence"> | undefined;
  #ring = this.#ringFrom({ epoch: "", number: 0 });
  /** The epoch of the last entry in sequence that this subscription has brought; empty before the first. */
  #anchor = "";
  /** Whether the log may have another epoch. */
  #mustAsk = false;
  /** The last entry that is known to exist. */
  #target: LogPosition = { epoch: "", number: 0 };
  /** Rises when a reading under way must be forgotten. */
  #life = 0;
  #retry: { cancel(): void } | undefined;
  readonly #joining = new Set<() => void>();
  /** Epochs that the log does not have any more. */
  readonly #past = new Set<string>();

  constructor(host: DeliveryHost, handler: DeliveryHandler<Event>) {
    this.#host = host;
    this.#handler = handler;
  }

  open(): void {
    this.#host.log.follow(this.#host.nsp, this);
  }

  close(): void {
    this.#host.log.unfollow(this.#host.nsp, this);
    this.#enter("closed");
    this.#life += 1;
    this.#retry?.cancel();
  }

  // ---- for recovery ------------------------------------------------------------------------------------------------

  get delivered(): LogPosition | undefined {
    return this.#delivered;
  }

  get isLive(): boolean {
    return this.#phase === "live";
  }

  /** Bytes in memory, for tests and metrics. */
  get bytes(): number {
    return this.#waiting.bytes + this.#ring.bytes;
  }

  whenJoined(): Promise<void> {
    if (this.#delivered !== undefined) return Promise.resolve();
    return new Promise((resolve) => this.#joining.add(resolve));
  }

  recent(after: LogPosition): readonly StoredEvent<Event>[] | undefined {
    return this.#ring.after(after);
  }

  async history(after: LogPosition, through: number): Promise<readonly StoredEvent<Event>[] | "trimmed" | "epoch"> {
    const reading = await this.#host.log.read(this.#host.nsp, after, through);
    if (typeof reading === "string") return reading;
    const events: StoredEvent<Event>[] = [];
    for (const entry of reading) {
      const stored = this.#decode(entry);
      if (stored === undefined) return "trimmed";
      events.push(stored);
    }
    return events;
  }

  /** Returns the event of an entry that was delivered; undefined: the entry is a hole. */
  #decode({ epoch, number, body }: LogEntry): StoredEvent<Event> | undefined {
    const entry = decodeEntry(body);
    const isEvent = entry?.kind === "event" && !isDoubtful(entry, epoch);
    const event = isEvent ? this.#handler.decode(entry.payload) : undefined;
    return event && { epoch, number, event, bytes: body.length };
  }

  #ringFrom(position: LogPosition): Ring<Event> {
    return new Ring(position, (entry) => this.#decode(entry));
  }

  skipThrough(sid: string, position: LogPosition): void {
    const { epoch, number } = this.#delivered ?? { epoch: "", number: 0 };
    this.#writers.expectGuest(epoch);
    if (position.epoch === epoch && position.number > number) this.#skips.set(sid, position);
  }

  /** Sockets that have got more than this node has delivered to the others, and how much. */
  get ahead(): ReadonlyMap<string, LogPosition> {
    return this.#skips;
  }

  /** This node goes on out of the order of the log: sockets that are ahead may have got the next events, and can't stay. */
  leaveAhead(): void {
    if (this.#skips.size === 0) return;
    const sids = [...this.#skips.keys()];
    this.#skips.clear();
    this.#handler.onAhead(sids);
  }

  /** The socket has ended. */
  forget(sid: string): void {
    this.#skips.delete(sid);
  }

  // ---- the log -----------------------------------------------------------------------------------------------------

  onEntry(entry: LogEntry): void {
    if (this.#phase === "closed" || this.#past.has(entry.epoch)) return;
    if (this.#phase === "live" && this.#isNext(entry)) {
      this.#anchor = entry.epoch;
      this.#target = this.#delivered = { epoch: entry.epoch, number: entry.number };
      return this.#handle(entry);
    }
    if (this.#isInSequence(entry)) {
      this.#anchor = entry.epoch;
      this.#waiting.add(entry);
    }
    if (entry.epoch === this.#target.epoch) this.#noteTarget(entry);
    else this.#mustAsk = true;
    if (this.#phase !== "live") return;
    if (this.#mustAsk || this.#isBehind()) this.#startReading("trusted");
    // Another entry has had its number.
    else if (this.#hasOtherAt(entry)) this.#startReading("diverged");
  }

  /**
   * Whether an entry is of the current epoch or of a later one. The subscription may lag behind the position that this node
   * has gone on from, and still bring entries of earlier epochs.
   */
  #isInSequence({ epoch }: LogPosition): boolean {
    const current = this.#delivered?.epoch;
    if (current === undefined) return false;
    return epoch === current || this.#anchor === current || (this.#anchor !== "" && this.#waiting.has(this.#anchor));
  }

  onInterrupted(): void {
    if (this.#phase === "closed") return;
    this.#life += 1;
    this.#retry?.cancel();
    this.#waiting.take();
    this.#anchor = "";
    this.#enter("away");
  }

  onResumed(position: LogPosition): void {
    if (this.#phase === "closed") return;
    const last = this.#delivered;
    if (last === undefined) {
      this.#moveTo(position);
      this.#target = position;
      for (const resolve of this.#joining) resolve();
      this.#joining.clear();
    }
    if (position.epoch === this.#target.epoch) this.#noteTarget(position);
    else this.#mustAsk = true;
    this.#startReading("unverified");
  }

  /** The log has been in this epoch. */
  onEpoch(epoch: string): void {
    if (epoch === this.#target.epoch || this.#past.has(epoch)) return;
    this.#mustAsk = true;
    if (this.#phase === "live") this.#startReading("trusted");
  }

  /** Whether this node has delivered an entry, or can't get it any more. */
  hasPassed({ epoch, number }: LogPosition): boolean {
    return this.#delivered?.epoch === epoch ? number <= this.#delivered.number : this.#past.has(epoch);
  }

  #noteTarget({ epoch, number }: LogPosition): void {
    if (number > this.#target.number) this.#target = { epoch, number };
  }

  /** Goes where the log is now. */
  #adopt(position: LogPosition): void {
    if (position.epoch === this.#target.epoch) return this.#noteTarget(position);
    this.#past.delete(position.epoch);
    this.#target = position;
  }

  #isNext({ epoch, number }: LogPosition): boolean {
    return this.#delivered?.epoch === epoch && number === this.#delivered.number + 1;
  }

  /** Whether this node has delivered another entry with the number of an entry. */
  #hasOtherAt({ epoch, number, body }: LogEntry): boolean {
    if (epoch !== this.#delivered?.epoch || number <= this.#from) return false;
    const entry = decodeEntry(body);
    return entry !== undefined && !this.#writers.knows(entry);
  }

  #isBehind(): boolean {
    const { epoch, number } = this.#target;
    return this.#delivered !== undefined && (this.#delivered.epoch !== epoch || this.#delivered.number < number);
  }

  #enter(phase: DeliveryPhase): void {
    if (this.#phase === phase) return;
    const wasLive = this.isLive;
    this.#phase = phase;
    if (this.isLive !== wasLive) this.#handler.onLive(this.isLive);
  }

  // ---- reading missing entries -------------------------------------------------------------------------------------

  #startReading(trust: LogTrust): void {
    this.#life += 1;
    this.#retry?.cancel();
    this.#enter("reading");
    void this.#read(this.#life, trust);
  }

  async #read(life: number, trust: LogTrust): Promise<void> {
    try {
      const { nsp, log } = this.#host;
      if (trust === "diverged" || (trust === "unverified" && (await this.#hasDiverged()))) {
        if (life !== this.#life) return;
        const position = await this.#renew();
        if (life !== this.#life) return;
        // Clients got events that the log has lost. They lack the events that have these numbers now.
        this.#loseEvents();
        this.#adopt(position);
      }
      // Entries that come meanwhile may show that still more are missing.
      for (let after = this.#catchUp(); after !== undefined || this.#mustAsk; after = this.#catchUp()) {
        if (life !== this.#life) return;
        if (this.#mustAsk) {
          this.#mustAsk = false;
          const position = await log.position(nsp);
          if (life !== this.#life) return;
          this.#adopt(position);
        } else if (after !== undefined) {
          const reading = await log.read(nsp, after, this.#target.number);
          if (life !== this.#life) return;
          if (reading === "epoch") this.#mustAsk = true;
          else this.#takeReading(reading);
        }
      }
      // An event that was delivered may have closed this namespace.
      if (life === this.#life) this.#enter("live");
    } catch {
      if (life !== this.#life) return;
      this.#mustAsk = true;
      this.#retry = this.#host.clock.after(READ_RETRY_DELAY, () => {
        if (life === this.#life) this.#startReading(trust);
      });
    }
  }

  /** Whether the log has another entry, or none, in the place of the last delivered one. */
  async #hasDiverged(): Promise<boolean> {
    const [at, last] = [this.#delivered, this.#last];
    if (at === undefined || last === undefined || at.epoch !== this.#target.epoch) return false;
    const { nsp, log } = this.#host;
    const { epoch, number } = await log.position(nsp);
    if (epoch !== at.epoch || number < at.number) return epoch === at.epoch;
    const reading = await log.read(nsp, { epoch, number: at.number - 1 }, at.number);
    if (typeof reading === "string") return false;
    const [entry] = reading.map(({ body }) => decodeEntry(body));
    return entry?.writer !== last.writer || entry.sequence !== last.sequence;
  }

  /** The log gets a new epoch: clients of different nodes have got different events with the same number. */
  #renew(): Promise<LogPosition> {
    const { epoch } = this.#delivered ?? this.#target;
    return this.#host.log.position(this.#host.nsp, { epoch, number: Number.MAX_SAFE_INTEGER });
  }

  /** Delivers what waits. Returns the position beyond which entries must be read; undefined: none. */
  #catchUp(): LogPosition | undefined {
    this.#takeWaiting();
    while (this.#delivered !== undefined && this.#delivered.epoch !== this.#target.epoch) {
      // The log may have had more than one epoch meanwhile, and what came of each is delivered.
      const { epoch } = this.#waiting.firstBeyond(this.#delivered.epoch) ?? this.#target;
      this.#moveTo({ epoch, number: 0 });
      this.#takeWaiting();
    }
    return this.#isBehind() ? this.#delivered : undefined;
  }

  #takeReading(reading: Exclude<LogReading, "epoch">): void {
    if (reading !== "trimmed") return reading.forEach((entry) => this.#accept(entry));
    this.#moveTo(this.#target);
    this.#loseEvents();
  }

  /** Events are lost for the clients of this node, whatever comes next. */
  #loseEvents(): void {
    this.#writers.expectGaps();
    this.#handler.onLost();
  }

  #takeWaiting(): void {
    for (const entry of this.#waiting.take()) {
      this.#accept(entry);
      if (!this.hasPassed(entry)) this.#waiting.add(entry);
      else if (this.#hasOtherAt(entry)) this.#startReading("diverged");
    }
  }

  // ---- delivery ----------------------------------------------------------------------------------------------------

  /** Goes on beyond a position. */
  #moveTo({ epoch, number }: LogPosition): void {
    if (this.#delivered !== undefined && this.#delivered.epoch !== epoch) this.#leaveEpoch(this.#delivered.epoch);
    this.#delivered = { epoch, number };
    this.#last = undefined;
    this.#from = number;
    this.#ring = this.#ringFrom(this.#delivered);
    this.leaveAhead();
    this.#handler.onMoved();
  }

  #leaveEpoch(epoch: string): void {
    this.#past.add(epoch);
    const [oldest = epoch] = this.#past;
    if (this.#past.size > MOST_PAST_EPOCHS) this.#past.delete(oldest);
  }

  /** Handles an entry if it is the next one. */
  #accept(entry: LogEntry): void {
    if (!this.#isNext(entry)) return;
    this.#delivered = { epoch: entry.epoch, number: entry.number };
    this.#handle(entry);
  }

  #handle({ epoch, number, body }: LogEntry): void {
    const now = this.#host.clock.now();
    const entry = decodeEntry(body);
    this.#last = entry;
    if (entry === undefined) return this.#ring.addHole({ epoch, number }, now);
    const event = this.#eventOf(entry, epoch);
    if (event === undefined) this.#ring.addHole({ epoch, number }, now);
    else {
      this.#ring.add({ epoch, number, body }, now);
      this.#handler.deliver({ epoch, number, event, bytes: body.length }, this.#skippedAt(number));
    }
    this.#handler.onHandled(entry);
  }

  /** Returns the event of an entry, unless there is none, or it was delivered before. */
  #eventOf(entry: WrittenEntry, epoch: string): Event | undefined {
    const order = this.#writers.receive(entry, epoch);
    if (order === "hole") this.#handler.onLost();
    const own = order === "repeated" ? "delivered" : this.#handler.takeOwn(entry);
    if (own === "delivered" || entry.kind === "hole") return undefined;
    return own ?? this.#handler.decode(entry.payload);
  }

  /** Returns the sockets that have got an event already. */
  #skippedAt(number: number): string[] | undefined {
    if (this.#skips.size === 0) return undefined;
    const skipped: string[] = [];
    for (const [sid, through] of this.#skips) {
      if (through.number >= number) skipped.push(sid);
      if (through.number <= number) this.#skips.delete(sid);
    }
    return skipped;
  }
}
