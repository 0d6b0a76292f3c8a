import { sizeInBytes, type EntryData, type WrittenEntry } from "./entry.ts";
import type { ClusterLog, LogPosition, OrderedEvents, StoredEvent } from "./log.ts";
import { OrderedDelivery } from "./ordered-delivery.ts";
import { type HeldAction, OwnEvents, type OwnEventsHost } from "./own-events.ts";

/** Milliseconds without the log after which a node delivers its own events at once. */
const HOLD_TIME = 1000;
/** Milliseconds after a timer, so that what has arrived during a stall of this process is read first. */
const INPUT_TIME = 50;
/** Most actions of other nodes that wait until this one has delivered as much as they had. */
const MOST_LATER = 10_000;

/** What the adapter does with events. */
export interface NamespaceHandler<Event> {
  /** Decodes an event. Undefined: it is malformed, which was reported. */
  decode(payload: Buffer): Event | undefined;
  /**
   * Delivers an event to the sockets of this node. Without a position, clients that get it can't resume from it.
   *
   * @param skipped sockets that have got it already
   */
  deliver(event: Event, position: LogPosition | undefined, skipped: readonly string[] | undefined): void;
  /** Events for the clients of this node are lost. */
  onLost(): void;
  /** These sockets have got events that this node may deliver again: their connections have to end. */
  onAhead(sids: readonly string[]): void;
  /** This node delivers its events at once, because the log is away; or it does not any more. */
  onDegraded(isDegraded: boolean): void;
  /** An own event came back after this time, in milliseconds. */
  onLag(ms: number): void;
  /** An own event was not sent to the other nodes, because too many wait for the log. */
  onDropped(): void;
}

export interface NamespaceHost extends Omit<OwnEventsHost, "epoch" | "comesBack"> {
  readonly log: ClusterLog;
}

/**
 * `ordered`: events are delivered when they come back from the log. `degraded`: the log is away, and own events are delivered at once.
 * They go to the log later, and a hole after them: a client that has not got an event beyond it can't resume, because this node has
 * not kept the order.
 */
type NamespacePhase = "ordered" | "degraded" | "closed";

/** The events of one namespace on one node, in the order of the log. */
export class OrderedNamespace<Event> implements OrderedEvents<Event> {
  readonly #host: NamespaceHost;
  readonly #handler: NamespaceHandler<Event>;
  readonly #own: OwnEvents<Event>;
  readonly #delivery: OrderedDelivery<Event>;
  #phase: NamespacePhase = "ordered";
  /** Runs while the log is away. */
  #awayTimer: { cancel(): void } | undefined;
  #stopObserving: () => void = () => undefined;
  /** The degraded node has delivered or dropped events that others have in another order, or not. */
  #needsHole = false;
  /** What waits until this node has delivered the events up to a position. */
  #later: { readonly position: LogPosition; readonly run: () => void }[] = [];

  constructor(host: NamespaceHost, handler: NamespaceHandler<Event>) {
    this.#host = host;
    this.#handler = handler;
    this.#own = new OwnEvents<Event>(
      {
        ...host,
        epoch: () => this.#delivery.delivered?.epoch,
        // A node does not get entries from before it joins. If it is degraded, it has delivered its events.
        comesBack: () => this.#isDegraded || this.#delivery.delivered !== undefined,
      },
      {
        deliverEarly: (event) => {
          this.#needsHole = true;
          this.#delivery.leaveAhead();
          handler.deliver(event, undefined, undefined);
        },
        onAppended: (position) => this.#onAppended(position),
        onFailed: () => this.#look(),
        onDropped: () => {
          this.#needsHole = true;
          handler.onDropped();
        },
      },
    );
    this.#delivery = new OrderedDelivery<Event>(host, {
      decode: (payload) => handler.decode(payload),
      takeOwn: (entry) => this.#own.take(entry, (ms) => handler.onLag(ms)),
      deliver: (stored, skipped) => handler.deliver(stored.event, this.#isDegraded ? undefined : stored, skipped),
      onHandled: (entry) => this.#onHandled(entry),
      onMoved: () => this.#deliverPassed(),
      onLost: () => handler.onLost(),
      onAhead: (sids) => handler.onAhead(sids),
      onLive: () => this.#look(),
    });
  }

  open(): void {
    this.#stopObserving = this.#host.log.observe({
      onUp: () => {
        this.#own.resume();
        this.#look();
      },
      onDown: () => this.#look(),
    });
    this.#delivery.open();
    void this.#delivery.whenJoined().then(() => this.#own.resume());
    this.#look();
  }

  close(): void {
    this.#phase = "closed";
    this.#awayTimer?.cancel();
    this.#stopObserving();
    this.#delivery.close();
    this.#own.close();
    this.#runLater();
  }

  get #isDegraded(): boolean {
    return this.#phase === "degraded";
  }

  // ---- the program -------------------------------------------------------------------------------------------------

  /** Appends an event of this node. `payload`: the same, encoded. */
  emit(event: Event, payload: EntryData): void {
    if (this.#phase === "ordered" && !this.#own.hasRoom(sizeInBytes(payload))) this.#degrade();
    if (this.#phase === "ordered") this.#own.add(event, payload);
    else if (this.#phase === "degraded") this.#own.addEarly(event, payload);
  }

  /** Whether events wait until they come back from the log. */
  get isOrdered(): boolean {
    return this.#phase === "ordered";
  }

  /** Whether an event is small enough for the log. */
  mayEmit(payload: EntryData): boolean {
    return sizeInBytes(payload) <= this.#host.maxQueuedBytes;
  }

  /** The events of this node that are not delivered here yet. */
  held(): readonly Event[] {
    return this.#own.held();
  }

  /** Runs something when this node has delivered the events up to a position, or does not keep the order. */
  runAfter(position: LogPosition | undefined, run: () => void): void {
    const mustWait = position !== undefined && this.#waitsFor(position) && this.#later.length < MOST_LATER;
    if (mustWait) this.#later.push({ position, run });
    else run();
  }

  #waitsFor({ epoch, number }: LogPosition): boolean {
    const { delivered } = this;
    return this.#phase === "ordered" && delivered?.epoch === epoch && delivered.number < number;
  }

  #runLater(): void {
    if (this.#later.length === 0) return;
    const later = this.#later;
    this.#later = [];
    for (const { position, run } of later) this.runAfter(position, run);
  }

  /** Runs an action after all events that were emitted before it are delivered on this node. */
  runInOrder(action: HeldAction): void {
    this.#own.run(action);
  }

  /** A socket is about to end: does for it what waits, and calls `deliver` with the events that it has not got yet. */
  finish(sid: string, deliver: (event: Event) => void): void {
    this.#own.finish(sid, this.#delivery.ahead.get(sid), deliver);
  }

  /** Whether events of this node are not delivered here yet. */
  get isHolding(): boolean {
    return this.#own.isHolding;
  }

  /** Bytes in memory, for tests and metrics. */
  get bytes(): number {
    return this.#own.queuedBytes + this.#delivery.bytes;
  }

  // ---- recovery ----------------------------------------------------------------------------------------------------

  get delivered(): LogPosition | undefined {
    return this.#isDegraded ? undefined : this.#delivery.delivered;
  }

  get reached(): LogPosition | undefined {
    return this.#delivery.delivered;
  }

  whenJoined(): Promise<void> {
    return this.#delivery.whenJoined();
  }

  recent(after: LogPosition): readonly StoredEvent<Event>[] | undefined {
    return this.#isDegraded ? undefined : this.#delivery.recent(after);
  }

  history(after: LogPosition, through: number): Promise<readonly StoredEvent<Event>[] | "trimmed" | "epoch"> {
    return this.#delivery.history(after, through);
  }

  skipThrough(sid: string, position: LogPosition): void {
    this.#delivery.skipThrough(sid, position);
  }

  /** Sockets that have got more than this node has delivered to the others, and how much. */
  get ahead(): ReadonlyMap<string, LogPosition> {
    return this.#delivery.ahead;
  }

  /** A socket has ended. */
  forget(sid: string): void {
    this.#delivery.forget(sid);
  }

  // ---- the log -----------------------------------------------------------------------------------------------------

  get #isAway(): boolean {
    return !this.#host.log.isUp || !this.#delivery.isLive || this.#own.isFailing;
  }

  #onAppended(position: LogPosition): void {
    this.#delivery.onEpoch(position.epoch);
    this.#look();
  }

  #onHandled(_entry: WrittenEntry): void {
    this.#own.runSteps();
    this.#runLater();
    if (this.#isDegraded) this.#look();
  }

  /** Something has changed. */
  #look(): void {
    if (this.#phase === "closed") return;
    if (this.#isAway) {
      this.#awayTimer ??= this.#host.clock.after(HOLD_TIME, () => this.#waitForInput());
      return;
    }
    this.#awayTimer?.cancel();
    this.#awayTimer = undefined;
    this.#deliverPassed();
    if (this.#isDegraded && this.#hasPassedOwn && this.#own.isEmpty) this.#restore();
  }

  /** Whether no event that the log has confirmed is still to come. */
  get #hasPassedOwn(): boolean {
    const { appended } = this.#own;
    return appended === undefined || this.#delivery.hasPassed(appended);
  }

  /** Delivers events that the log has confirmed, and that did not come back. */
  #deliverPassed(): void {
    if (this.#hasPassedOwn) this.#own.deliverLost();
    this.#runLater();
  }

  #waitForInput(): void {
    this.#awayTimer = this.#host.clock.after(INPUT_TIME, () => this.#degrade());
  }

  #degrade(): void {
    if (this.#phase !== "ordered") return;
    // An event that is emitted meanwhile is delivered after those before it.
    this.#own.deliverAll();
    this.#phase = "degraded";
    this.#handler.onDegraded(true);
    this.#runLater();
    this.#own.resume();
  }

  /** The log has all events of this node, and this node has passed them. */
  #restore(): void {
    if (this.#needsHole) this.#own.addHole();
    this.#needsHole = false;
    this.#phase = "ordered";
    this.#handler.onDegraded(false);
  }
}
