import { decodeEntry } from "../../../packages/cluster/src/order/entry.ts";
import type {
  ClusterLog,
  LogEntry,
  LogFollower,
  LogObserver,
  LogPosition,
  LogReading,
  NewEntries,
} from "../../../packages/cluster/src/order/log.ts";

/** The clock that delays what goes between a node and the log. */
interface SimTime {
  now(): number;
  after(ms: number, fn: () => void): unknown;
}

interface Stored {
  readonly sequences: Map<string, number>;
  epoch: string;
  number: number;
  /** Whether another server has it now. */
  isMoved: boolean;
  /** The oldest has the number `number - entries.length + 1`. */
  entries: LogEntry[];
}

/** A log in memory, for any number of nodes. */
export class SimLogServer {
  readonly #stored = new Map<string, Stored>();
  readonly nodes = new Set<SimLog>();
  #epochs = 0;

  readonly #maxLength: number;

  /** `maxLength`: most entries of a namespace. */
  constructor(maxLength = Infinity) {
    this.#maxLength = maxLength;
  }

  of(nsp: string): Stored {
    let stored = this.#stored.get(nsp);
    if (stored === undefined) {
      stored = { epoch: this.#newEpoch(), number: 0, isMoved: false, entries: [], sequences: new Map() };
      this.#stored.set(nsp, stored);
    }
    return stored;
  }

  #newEpoch(): string {
    this.#epochs += 1;
    return this.#epochs.toString(36).padStart(4, "e");
  }

  /** Removes everything, as FLUSHALL does. */
  empty(): void {
    this.#stored.clear();
  }

  /** Loses the last entries of a namespace, as a fail-over may. `isSeen`: the nodes may ask which server has it. */
  failOver(nsp: string, lost: number, { isSeen = false } = {}): void {
    const stored = this.of(nsp);
    stored.isMoved = isSeen;
    const tail = stored.entries.splice(Math.max(0, stored.entries.length - lost));
    for (const { number, body } of tail) {
      const entry = decodeEntry(body);
      stored.number = Math.min(stored.number, number - 1);
      // The replica knows the sequences of the entries that it has.
      const { writer, sequence } = entry ?? { writer: "", sequence: 0 };
      stored.sequences.set(writer, Math.min(stored.sequences.get(writer) ?? 0, sequence - 1));
    }
  }

  position(nsp: string, seen: LogPosition | undefined): LogPosition {
    const stored = this.of(nsp);
    if (stored.isMoved || (seen?.epoch === stored.epoch && seen.number > stored.number)) {
      stored.isMoved = false;
      stored.epoch = this.#newEpoch();
      stored.number = 0;
      stored.entries = [];
    }
    return { epoch: stored.epoch, number: stored.number };
  }

  append(nsp: string, { writer, sequence, bodies }: NewEntries, seen: LogPosition | undefined): LogPosition {
    this.position(nsp, seen);
    const stored = this.of(nsp);
    bodies.forEach((body, i) => {
      if (sequence + i <= (stored.sequences.get(writer) ?? 0)) return;
      stored.sequences.set(writer, sequence + i);
      stored.number += 1;
      const entry = { epoch: stored.epoch, number: stored.number, body: Buffer.from(body) };
      stored.entries.push(entry);
      if (stored.entries.length > this.#maxLength) stored.entries.shift();
      for (const node of this.nodes) node.push(nsp, entry);
    });
    return { epoch: stored.epoch, number: stored.number };
  }

  read(nsp: string, { epoch, number }: LogPosition, through: number): LogReading {
    const stored = this.of(nsp);
    if (stored.epoch !== epoch) return "epoch";
    const entries = stored.entries.filter((entry) => entry.number > number && entry.number <= through).slice(0, 3);
    return entries[0]?.number === number + 1 ? entries : "trimmed";
  }
}

/** The log as one node sees it: over two connections that lag and break. */
export class SimLog implements ClusterLog {
  /** Milliseconds of a way on either connection. */
  lag = { commands: 1, subscription: 1 };
  /** A lost reply: the command runs, and is rejected. */
  losesReplies = false;
  readonly #server: SimLogServer;
  readonly #time: SimTime;
  readonly #followers = new Map<string, LogFollower>();
  readonly #observers = new Set<LogObserver>();
  readonly #pending = new Set<(error: Error) => void>();
  readonly #seen = new Map<string, LogPosition>();
  /** When the last command and the last reply arrive: a connection keeps the order. */
  #arrivals = { command: 0, reply: 0 };
  /** Rises when the subscription breaks. */
  #life = 0;
  #isSubscribed = true;
  #isUp = true;

  constructor(server: SimLogServer, time: SimTime) {
    this.#server = server;
    this.#time = time;
    server.nodes.add(this);
  }

  // ---- what goes wrong ---------------------------------------------------------------------------------------------

  /** Breaks a connection, or both. */
  cut(part: "commands" | "subscription" | "both" = "both"): void {
    if (part !== "subscription") this.#cutCommands();
    if (part !== "commands") this.#cutSubscription();
  }

  #cutCommands(): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#arrivals = { command: 0, reply: 0 };
    for (const reject of this.#pending) reject(new Error("cut"));
    this.#pending.clear();
    for (const observer of this.#observers) observer.onDown();
  }

  #cutSubscription(): void {
    if (!this.#isSubscribed) return;
    this.#isSubscribed = false;
    this.#life += 1;
    for (const follower of this.#followers.values()) follower.onInterrupted();
  }

  /** Connects again. */
  mend(): void {
    if (!this.#isUp) {
      this.#isUp = true;
      for (const observer of this.#observers) observer.onUp();
    }
    if (this.#isSubscribed) return;
    this.#isSubscribed = true;
    for (const [nsp, follower] of this.#followers) void this.#resume(nsp, follower);
  }

  /** The node has ended. */
  end(): void {
    this.cut();
    this.#server.nodes.delete(this);
  }

  // ---- the log -----------------------------------------------------------------------------------------------------

  get isUp(): boolean {
    return this.#isUp;
  }

  observe(observer: LogObserver): () => void {
    this.#observers.add(observer);
    return () => void this.#observers.delete(observer);
  }

  /** There and back again. */
  #call<Reply>(command: () => Reply): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (!this.#isUp) return reject(new Error("down"));
      this.#pending.add(reject);
      this.#travel("command", () => {
        if (!this.#pending.has(reject)) return;
        const reply = command();
        if (this.losesReplies) return this.#cutCommands();
        this.#travel("reply", () => {
          if (this.#pending.delete(reject)) resolve(reply);
        });
      });
    });
  }

  #travel(what: "command" | "reply", arrive: () => void): void {
    const now = this.#time.now();
    this.#arrivals[what] = Math.max(this.#arrivals[what], now + this.lag.commands);
    this.#time.after(this.#arrivals[what] - now, arrive);
  }

  async append(nsp: string, entries: NewEntries): Promise<LogPosition> {
    return this.#note(nsp, await this.#call(() => this.#server.append(nsp, entries, this.#seen.get(nsp))));
  }

  read(nsp: string, after: LogPosition, through: number): Promise<LogReading> {
    return this.#call(() => this.#server.read(nsp, after, through));
  }

  async position(nsp: string, seen = this.#seen.get(nsp)): Promise<LogPosition> {
    return this.#note(nsp, await this.#call(() => this.#server.position(nsp, seen)));
  }

  #note(nsp: string, position: LogPosition): LogPosition {
    const seen = this.#seen.get(nsp);
    if (seen?.epoch !== position.epoch || position.number > seen.number) this.#seen.set(nsp, position);
    return position;
  }

  follow(nsp: string, follower: LogFollower): void {
    this.#followers.set(nsp, follower);
    void this.#resume(nsp, follower);
  }

  unfollow(nsp: string, follower: LogFollower): void {
    if (this.#followers.get(nsp) === follower) this.#followers.delete(nsp);
  }

  async #resume(nsp: string, follower: LogFollower): Promise<void> {
    const life = this.#life;
    const isWanted = (): boolean => this.#followers.get(nsp) === follower && this.#isSubscribed && life === this.#life;
    if (!isWanted()) return;
    // The subscription is confirmed first.
    await new Promise<void>((resolve) => void this.#time.after(2 * this.lag.subscription, resolve));
    if (!isWanted()) return;
    try {
      const position = await this.position(nsp);
      if (isWanted()) follower.onResumed(position);
    } catch {
      this.#time.after(20, () => void this.#resume(nsp, follower));
    }
  }

  /** A new entry. */
  push(nsp: string, entry: LogEntry): void {
    const life = this.#life;
    if (!this.#isSubscribed) return;
    this.#time.after(this.lag.subscription, () => {
      if (life !== this.#life) return;
      this.#followers.get(nsp)?.onEntry(entry);
      this.#note(nsp, entry);
    });
  }
}
