import { refuseClusterOption } from "../options.ts";
import { OrderedAdapters } from "../ordered-adapters.ts";
import type { NodeStart } from "../server-cluster.ts";
import { RedisLog } from "./log.ts";
import { logKeys } from "./log-keys.ts";
import type { Outages } from "./outages.ts";
import type { RedisPort } from "./port.ts";
import { RedisStore } from "./store.ts";

/** The options of `redisCluster()` for events that clients may miss. */
export interface RedisHistoryOptions {
  /** The events that Redis stores with `connectionStateRecovery`, so that clients can resume on any node. */
  history?: {
    /** Most events of a namespace. Default: 100000. */
    maxLength?: number;
    /** Longest time, in milliseconds. Default: `packetLifetime` of `connectionStateRecovery`. */
    maxAge?: number;
    /** Most encoded bytes of the events that one client gets when it resumes. Default: 8000000; at most `slowReader.hard`. */
    maxReplayBytes?: number;
  };
  /**
   * Most bytes of events of a namespace that wait while Redis is away. Later ones reach the clients of this process alone, and
   * clients from before can't resume. Default: 16000000.
   */
  maxQueuedBytes?: number;
  /** Time for an event to come back from Redis after which `lagging` is emitted, in milliseconds. Default: 2000. */
  maxLag?: number;
}

interface ResolvedHistory {
  readonly maxLength: number;
  readonly maxAge: number | undefined;
  readonly maxReplayBytes: number;
  readonly maxQueuedBytes: number;
  readonly maxLag: number;
}

const HISTORY_DEFAULTS = { maxLength: 100_000, maxReplayBytes: 8e6, maxQueuedBytes: 16e6, maxLag: 2000 } as const;
/** A hundred years: Redis refuses to add more to its time. */
const MOST_MILLISECONDS = 100 * 365 * 24 * 60 * 60 * 1000;

/** Checks options and adds the defaults. @throws ClusterError `OPTION_INVALID` */
export function resolveHistory({ history = {}, maxQueuedBytes, maxLag }: RedisHistoryOptions): ResolvedHistory {
  const { maxLength, maxAge, maxReplayBytes } = history;
  return {
    maxLength: atLeast("history.maxLength", maxLength ?? HISTORY_DEFAULTS.maxLength, 1),
    maxAge: maxAge === undefined ? undefined : atLeast("history.maxAge", maxAge, 1),
    maxReplayBytes: atLeast("history.maxReplayBytes", maxReplayBytes ?? HISTORY_DEFAULTS.maxReplayBytes, 0),
    maxQueuedBytes: atLeast("maxQueuedBytes", maxQueuedBytes ?? HISTORY_DEFAULTS.maxQueuedBytes, 0),
    maxLag: atLeast("maxLag", maxLag ?? HISTORY_DEFAULTS.maxLag, 1),
  };
}

function atLeast(option: string, value: unknown, least: number): number {
  if (typeof value !== "number" || !(value >= least)) refuseClusterOption(option, `a number from ${least} on`);
  return value;
}

/** The log of a server in Redis, and the adapters that use it. */
export class RedisHistory {
  readonly adapters: OrderedAdapters;
  readonly #name: string;
  readonly #settings: ResolvedHistory;
  #node: { readonly start: NodeStart; readonly log: RedisLog; readonly outages: Outages } | undefined;
  #lag: "short" | "long" = "short";

  constructor(name: string, settings: ResolvedHistory) {
    this.#name = name;
    this.#settings = settings;
    this.adapters = new OrderedAdapters({
      maxQueuedBytes: settings.maxQueuedBytes,
      maxReplayBytes: settings.maxReplayBytes,
      onDegraded: (adapter, isDegraded) => this.#noteDegraded(adapter, isDegraded),
      onLag: (ms) => this.#noteLag(ms),
    });
  }

  /**
   * A node has started. The one before may still be ending.
   *
   * @returns call it when the node has ended
   */
  start(port: RedisPort, start: NodeStart, outages: Outages): () => void {
    this.#stop();
    const { maxLength, maxAge } = this.#settings;
    // Redis takes whole numbers.
    const history = (): { maxLength: number; maxAge: number } => ({
      maxLength: Math.min(Math.ceil(maxLength), Number.MAX_SAFE_INTEGER),
      maxAge: Math.min(Math.ceil(maxAge ?? this.adapters.lifetime), MOST_MILLISECONDS),
    });
    const onRefused = (nsp: string, error: Error): void =>
      outages.begin(`namespace ${nsp}`, { error, since: "before" });
    const log = new RedisLog({ port, name: this.#name, clock: start.clock, history, onRefused });
    const node = { start, log, outages };
    this.#node = node;
    this.adapters.log.attach(log);
    const prefix = `${port.prefix}${this.#name}:`;
    this.adapters.store.attach(new RedisStore(port, prefix, (nsp) => logKeys(prefix, nsp)));
    return () => {
      if (this.#node === node) this.#stop();
    };
  }

  #stop(): void {
    if (this.#node === undefined) return;
    this.adapters.log.detach();
    this.adapters.store.detach();
    this.#node.log.close();
    this.#node = undefined;
  }

  #noteDegraded(adapter: unknown, isDegraded: boolean): void {
    if (isDegraded) this.#node?.outages.begin(adapter, { since: "before" });
    else this.#node?.outages.end(adapter);
  }

  #noteLag(ms: number): void {
    const lag = ms > this.#settings.maxLag ? "long" : "short";
    if (lag === "long" && this.#lag === "short") this.#node?.start.emit("lagging", ms);
    this.#lag = lag;
  }
}
