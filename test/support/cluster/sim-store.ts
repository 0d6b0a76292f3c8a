import type {
  ClusterStore,
  OwnedRecord,
  RecordOwner,
  StoredRecord,
  TakenRecord,
  WriteOutcome,
} from "../../../packages/cluster/src/recovery/store.ts";
import type { LogPosition } from "../../../packages/cluster/src/order/log.ts";

export interface SimRecord {
  /** Undefined: it was removed, and its owner is kept. */
  readonly record: Buffer | undefined;
  /** The owner before it was taken. */
  readonly previous: RecordOwner | undefined;
  readonly owner: RecordOwner;
  readonly expiresAt: number;
}

export interface SimStoreOptions {
  readonly clock: { now(): number };
  /** The position of the log of a namespace. The epoch is empty if it is not known. */
  position(nsp: string): LogPosition;
  /** The records, if several objects share them: one for each node. */
  readonly records?: Map<string, SimRecord>;
  /** Lets a command or a reply travel. Default: it arrives in a microtask. */
  readonly travel?: (what: "command" | "reply", arrive: () => void) => void;
}

const arriveSoon = (_what: string, arrive: () => void): void => queueMicrotask(arrive);

/** A store in memory that all nodes of a test share. */
export class SimStore implements ClusterStore {
  readonly #options: SimStoreOptions;
  readonly #records: Map<string, SimRecord>;
  /** `away`: commands fail; `mute`: they are done, and their replies are lost. */
  state: "up" | "away" | "mute" = "up";
  /** The commands, except renewals. */
  readonly done: string[] = [];

  constructor(options: SimStoreOptions) {
    this.#options = options;
    this.#records = options.records ?? new Map<string, SimRecord>();
  }

  get isUp(): boolean {
    return this.state !== "away";
  }

  /** Number of records. */
  get size(): number {
    for (const [key, { expiresAt }] of this.#records) {
      if (expiresAt <= this.#options.clock.now()) this.#records.delete(key);
    }
    return [...this.#records.values()].filter(({ record }) => record !== undefined).length;
  }

  /** All data is lost. */
  flush(): void {
    this.#records.clear();
  }

  put(nsp: string, { pid, record, ttl, epoch = "" }: StoredRecord, owner: RecordOwner): Promise<WriteOutcome> {
    return this.#run("put", () => {
      const found = this.#find(nsp, pid);
      if (found === undefined && epoch !== "" && epoch === this.#options.position(nsp).epoch) return "missing";
      if (found !== undefined && found.owner.term !== owner.term) return "taken";
      this.#set(nsp, pid, {
        record,
        owner,
        previous: found?.previous,
        expiresAt: this.#options.clock.now() + ttl,
      });
      return "kept";
    });
  }

  renew(nsp: string, records: readonly OwnedRecord[], ttl: number): Promise<readonly WriteOutcome[]> {
    const expiresAt = (): number => this.#options.clock.now() + ttl;
    return this.#run(undefined, () =>
      records.map(({ pid, term }) => {
        const found = this.#find(nsp, pid);
        if (found === undefined) return "missing";
        if (found.owner.term !== term) return "taken";
        this.#set(nsp, pid, { ...found, expiresAt: expiresAt() });
        return "kept";
      }),
    );
  }

  take(nsp: string, pid: string, ttl: number, owner: RecordOwner): Promise<TakenRecord | undefined> {
    return this.#run("take", () => {
      const found = this.#find(nsp, pid);
      if (found?.record === undefined) return undefined;
      const expiresAt = Math.max(found.expiresAt, this.#options.clock.now() + ttl);
      const isAgain = found.owner.term === owner.term && found.previous !== undefined;
      const previous = isAgain ? found.previous : found.owner;
      this.#set(nsp, pid, { ...found, owner, expiresAt, previous });
      return { record: found.record, previous, position: this.#options.position(nsp) };
    });
  }

  remove(nsp: string, { pid, term }: OwnedRecord, ttl: number): Promise<void> {
    return this.#run("remove", () => {
      const found = this.#find(nsp, pid);
      if (found?.owner.term !== term) return;
      const expiresAt = this.#options.clock.now() + ttl;
      if (found.previous !== undefined) this.#set(nsp, pid, { ...found, record: undefined, expiresAt });
      else this.#records.delete(`${nsp} ${pid}`);
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
    const { travel = arriveSoon } = this.#options;
    return new Promise((resolve, reject) => {
      const lose = (): void => reject(new Error("the store is away"));
      if (this.state === "away") return travel("reply", lose);
      travel("command", () => {
        if (this.state === "away") return lose();
        if (name !== undefined) this.done.push(name);
        const result = command();
        travel("reply", () => (this.state === "up" ? resolve(result) : lose()));
      });
    });
  }
}
