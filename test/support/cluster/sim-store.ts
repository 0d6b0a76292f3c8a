import type {
  ClusterStore,
  RecordOwner,
  RenewalOutcome,
  StoredRecord,
  TakenRecord,
  WriteOutcome,
} from "../../../packages/cluster/src/recovery/store.ts";
import type { LogPosition } from "../../../packages/cluster/src/order/log.ts";

interface SimRecord {
  readonly record: Buffer;
  readonly owner: RecordOwner;
  readonly expiresAt: number;
}

export interface SimStoreOptions {
  readonly clock: { now(): number };
  /** Where the log of a namespace is. */
  position(nsp: string): LogPosition;
  /** Lets a command or a reply travel. Default: it arrives in a microtask. */
  readonly travel?: (arrive: () => void) => void;
}

/** A store in memory that all nodes of a test share. */
export class SimStore implements ClusterStore {
  readonly #options: SimStoreOptions;
  readonly #records = new Map<string, SimRecord>();
  /** `away`: commands fail; `mute`: they are done, and their replies are lost. */
  state: "up" | "away" | "mute" = "up";
  /** The commands that were done, without those that only renew. */
  readonly done: string[] = [];

  constructor(options: SimStoreOptions) {
    this.#options = options;
  }

  /** Number of records. */
  get size(): number {
    for (const [key, { expiresAt }] of this.#records) {
      if (expiresAt <= this.#options.clock.now()) this.#records.delete(key);
    }
    return this.#records.size;
  }

  /** All data is lost. */
  flush(): void {
    this.#records.clear();
  }

  put(nsp: string, { pid, record, ttl }: StoredRecord, owner: RecordOwner): Promise<WriteOutcome> {
    return this.#run("put", () => {
      const found = this.#find(nsp, pid);
      if (found !== undefined && found.owner.life !== owner.life) return "taken";
      this.#set(nsp, pid, { record, owner, expiresAt: this.#options.clock.now() + ttl });
      return "kept";
    });
  }

  renew(nsp: string, pids: readonly string[], ttl: number, { life }: RecordOwner): Promise<readonly RenewalOutcome[]> {
    const expiresAt = (): number => this.#options.clock.now() + ttl;
    return this.#run(undefined, () =>
      pids.map((pid) => {
        const found = this.#find(nsp, pid);
        if (found === undefined) return "missing";
        if (found.owner.life !== life) return "taken";
        this.#set(nsp, pid, { ...found, expiresAt: expiresAt() });
        return "kept";
      }),
    );
  }

  take(nsp: string, pid: string, ttl: number, owner: RecordOwner): Promise<TakenRecord | undefined> {
    return this.#run("take", () => {
      const found = this.#find(nsp, pid);
      if (found === undefined) return undefined;
      const expiresAt = Math.max(found.expiresAt, this.#options.clock.now() + ttl);
      this.#set(nsp, pid, { ...found, owner, expiresAt });
      return { record: found.record, previous: found.owner, position: this.#options.position(nsp) };
    });
  }

  remove(nsp: string, pid: string, { life }: RecordOwner): Promise<void> {
    return this.#run("remove", () => {
      if (this.#find(nsp, pid)?.owner.life === life) this.#records.delete(`${nsp} ${pid}`);
    });
  }

  #find(nsp: string, pid: string): SimRecord | undefined {
    const found = this.#records.get(`${nsp} ${pid}`);
    return found !== undefined && found.expiresAt > this.#options.clock.now() ? found : undefined;
  }

  #set(nsp: string, pid: string, record: SimRecord): void {
    this.#records.set(`${nsp} ${pid}`, record);
  }

  #run<Result>(name: string | undefined, command: () => Result): Promise<Result> {
    const { travel = queueMicrotask } = this.#options;
    return new Promise((resolve, reject) => {
      const lose = (): void => reject(new Error("the store is away"));
      if (this.state === "away") return travel(lose);
      travel(() => {
        if (this.state === "away") return lose();
        if (name !== undefined) this.done.push(name);
        const result = command();
        travel(() => (this.state === "up" ? resolve(result) : lose()));
      });
    });
  }
}
