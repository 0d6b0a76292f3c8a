import type { Clock } from "@portage/server/relay";
import { ClusterError } from "../core/errors.ts";
import type {
  ClusterLog,
  LogEntry,
  LogFollower,
  LogObserver,
  LogPosition,
  LogReading,
  NewEntries,
} from "../order/log.ts";
import { type LogKeys, logKeys, parsePosition, EPOCH_LENGTH } from "./log-keys.ts";
import { APPEND, APPEND_NEXT, MARK_STEP, POSITION, READ } from "./log-scripts.ts";
import type { RedisPort, RedisValue } from "./port.ts";

/** Entries that are read at once. */
const READ_COUNT = 100;
/** Milliseconds for which positions are kept, at least. */
const LEAST_LIFETIME = 24 * 60 * 60 * 1000;
/** A shorter history is trimmed at each append; a longer one has more entries than it may, until the next mark. */
const SHORT_HISTORY = 4 * MARK_STEP;
/** Milliseconds before the position is asked for again. */
const POSITION_RETRY_DELAY = 200;
const NUMBER_END = 0x20;

/** Bounds of the stored entries of each namespace. */
export interface HistoryOptions {
  /** Most entries; Redis may keep some more. */
  readonly maxLength: number;
  /** Longest time, in milliseconds; up to 255 entries may be older. */
  readonly maxAge: number;
}

export interface RedisLogSettings {
  readonly port: RedisPort;
  /** The name of the cluster, as keys begin. */
  readonly name: string;
  readonly clock: Clock;
  readonly history: () => HistoryOptions;
  /** Redis does not let this node follow a namespace. */
  readonly onRefused: (nsp: string, error: Error) => void;
}

interface Following {
  readonly nsp: string;
  readonly follower: LogFollower;
  readonly keys: LogKeys;
  isFollowed: boolean;
  /** The last position that is known. */
  seen: LogPosition | undefined;
  /** The last writer here, and its next sequence: the log has all before it, and none from it on. Undefined: that is unknown. */
  next: { readonly writer: string; readonly sequence: number } | undefined;
  /** When the history was last given time to live, by the clock. */
  renewedAt: number;
}

/** The log in Redis. */
export class RedisLog implements ClusterLog {
  readonly #settings: RedisLogSettings;
  readonly #followings = new Map<string, Following>();
  readonly #stop: () => void;
  /** Rises when subscriptions break: a position that was asked for before says nothing then. */
  #life = 0;

  constructor(settings: RedisLogSettings) {
    this.#settings = settings;
    this.#stop = settings.port.observe({
      onInterrupted: (part) => (part === "subscriptions" ? this.#interrupt() : this.#doubt()),
      onRestored: (part) => part === "subscriptions" && this.#resumeAll(),
    });
  }

  close(): void {
    this.#stop();
    for (const { nsp, follower } of this.#followings.values()) this.unfollow(nsp, follower);
  }

  get isUp(): boolean {
    return this.#settings.port.isUp("commands");
  }

  observe(observer: LogObserver): () => void {
    return this.#settings.port.observe({
      onInterrupted: (part) => part === "commands" && observer.onDown(),
      onRestored: (part) => part === "commands" && observer.onUp(),
    });
  }

  #keysOf(nsp: string): LogKeys {
    const { port, name } = this.#settings;
    return this.#followings.get(nsp)?.keys ?? logKeys(`${port.prefix}${name}:`, nsp);
  }

  // ---- commands ----------------------------------------------------------------------------------------------------

  async append(nsp: string, entries: NewEntries): Promise<LogPosition> {
    const following = this.#followings.get(nsp);
    if (following === undefined) return await this.#appendAs(undefined, nsp, entries, "cl");
    const { writer, sequence, bodies } = entries;
    const { next, seen } = following;
    const mayHave = next?.writer !== writer || next.sequence !== sequence;
    // The log lives for twice the age of its history, so this is early enough.
    const now = this.#settings.clock.now();
    const isDue = now - following.renewedAt > this.#settings.history().maxAge / 2;
    const tasks = (mayHave ? "c" : "") + (isDue ? "l" : "");
    following.next = undefined;
    let position: LogPosition | undefined;
    if (tasks === "" && seen !== undefined && this.#mayFollow(seen, bodies.length)) {
      const { keys } = following;
      const args = [seen.epoch, seen.number, sequence + bodies.length - 1, ...bodies];
      const names = [keys.position, keys.history, keys.writer(writer)];
      const number = await this.#settings.port.eval(APPEND_NEXT, names, args);
      position = number === null ? undefined : { epoch: seen.epoch, number: number as number };
    }
    position ??= await this.#appendAs(following, nsp, entries, tasks);
    following.next = { writer, sequence: sequence + bodies.length };
    if (isDue) following.renewedAt = now;
    return this.#note(following, position);
  }

  /** Whether entries may be appended without further work: the history does not have to be trimmed. */
  #mayFollow({ number }: LogPosition, count: number): boolean {
    if (number === 0 || (number % MARK_STEP) + count >= MARK_STEP) return false;
    return this.#settings.history().maxLength >= SHORT_HISTORY;
  }

  async #appendAs(
    following: Following | undefined,
    nsp: string,
    { writer, sequence, bodies }: NewEntries,
    tasks: string,
  ): Promise<LogPosition> {
    const { port, history } = this.#settings;
    const { maxLength, maxAge } = history();
    const keys = following?.keys ?? this.#keysOf(nsp);
    const names = [keys.position, keys.history, keys.marks, keys.server, keys.writer(writer)];
    const args = [...this.#commonArguments(following?.seen), sequence, maxLength, maxAge, tasks, ...bodies];
    return positionOf(await port.eval(APPEND, names, args));
  }

  async position(nsp: string, seen = this.#followings.get(nsp)?.seen): Promise<LogPosition> {
    const { position, history, marks, server } = this.#keysOf(nsp);
    const keys = [position, history, marks, server];
    const found = positionOf(await this.#settings.port.eval(POSITION, keys, this.#commonArguments(seen)));
    return this.#note(this.#followings.get(nsp), found);
  }

  #commonArguments(seen: LogPosition | undefined): RedisValue[] {
    const { maxAge } = this.#settings.history();
    return [newEpoch(), seen?.epoch ?? "", seen?.number ?? 0, Math.max(LEAST_LIFETIME, 2 * maxAge)];
  }

  async read(nsp: string, after: LogPosition, through: number): Promise<LogReading> {
    const { position, history } = this.#keysOf(nsp);
    const args = [after.epoch, `${after.number + 1}-0`, `${through}-0`, READ_COUNT];
    const reply = await this.#settings.port.eval(READ, [position, history], args);
    if (reply === null) return "epoch";
    const entries: LogEntry[] = [];
    for (const entry of reply as [Buffer, [Buffer, Buffer]][]) {
      const number = Number.parseInt(entry[0].toString(), 10);
      if (number !== after.number + entries.length + 1) break;
      entries.push({ epoch: after.epoch, number, body: entry[1][1] });
    }
    return entries.length === 0 ? "trimmed" : entries;
  }

  #note(following: Following | undefined, position: LogPosition): LogPosition {
    const isNew = following?.seen?.epoch !== position.epoch || position.number > following.seen.number;
    if (following !== undefined && isNew) following.seen = position;
    return position;
  }

  // ---- followers ---------------------------------------------------------------------------------------------------

  follow(nsp: string, follower: LogFollower): void {
    const following: Following = {
      nsp,
      follower,
      keys: this.#keysOf(nsp),
      isFollowed: true,
      seen: this.#followings.get(nsp)?.seen,
      next: undefined,
      renewedAt: -Infinity,
    };
    this.#followings.set(nsp, following);
    this.#settings.port
      .subscribe(following.keys.history, (message) => this.#onMessage(following, message))
      .then(() => this.#resume(following))
      .catch((error: unknown) => following.isFollowed && this.#settings.onRefused(nsp, error as Error));
  }

  unfollow(nsp: string, follower: LogFollower): void {
    const following = this.#followings.get(nsp);
    if (following?.follower !== follower) return;
    following.isFollowed = false;
    this.#followings.delete(nsp);
    this.#settings.port.unsubscribe(following.keys.history);
  }

  #onMessage(following: Following, message: Buffer): void {
    const end = message.indexOf(NUMBER_END, EPOCH_LENGTH);
    const number = Number(message.toString("latin1", EPOCH_LENGTH, end));
    if (!following.isFollowed || end < 0 || !Number.isSafeInteger(number)) return;
    const epoch = message.toString("latin1", 0, EPOCH_LENGTH);
    following.follower.onEntry({ epoch, number, body: message.subarray(end + 1) });
    // What the follower has seen, Redis must have.
    this.#note(following, { epoch, number });
  }

  /** The next connection may lead to another Redis. */
  #doubt(): void {
    for (const following of this.#followings.values()) following.next = undefined;
  }

  #interrupt(): void {
    this.#life += 1;
    for (const { follower } of this.#followings.values()) follower.onInterrupted();
  }

  #resumeAll(): void {
    for (const following of this.#followings.values()) void this.#resume(following);
  }

  /** Reports the position: it is asked for after the subscription was confirmed, so nothing is between the two. */
  async #resume(following: Following): Promise<void> {
    const { port, clock } = this.#settings;
    const life = this.#life;
    const isWanted = (): boolean => following.isFollowed && port.isUp("subscriptions") && life === this.#life;
    if (!isWanted()) return;
    try {
      const position = await this.position(following.nsp);
      if (isWanted()) following.follower.onResumed(position);
    } catch {
      clock.after(POSITION_RETRY_DELAY, () => void this.#resume(following));
    }
  }
}

function positionOf(reply: unknown): LogPosition {
  const position = parsePosition(String(reply));
  if (position !== undefined) return position;
  throw new ClusterError("REDIS_UNAVAILABLE", "Redis gave an unexpected reply");
}

const EPOCH_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Each script gets one, and hardly any needs it. It distinguishes epochs, and is not a secret. */
function newEpoch(): string {
  let rest = Math.floor(Math.random() * 64 ** EPOCH_LENGTH);
  let epoch = "";
  while (epoch.length < EPOCH_LENGTH) {
    epoch += EPOCH_CHARACTERS.charAt(rest % 64);
    rest = Math.floor(rest / 64);
  }
  return epoch;
}
