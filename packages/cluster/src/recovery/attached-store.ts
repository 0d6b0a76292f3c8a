import { ClusterError } from "../core/errors.ts";
import type { ClusterStore, OwnedRecord, RecordOwner, StoredRecord, TakenRecord, WriteOutcome } from "./store.ts";

/** The store of the current node. Adapters outlive nodes: while there is none, the store is away. */
export class AttachedStore implements ClusterStore {
  #store: ClusterStore | undefined;

  /** A node has started. */
  attach(store: ClusterStore): void {
    this.#store = store;
  }

  /** The node has ended. */
  detach(): void {
    this.#store = undefined;
  }

  get isUp(): boolean {
    return this.#store?.isUp === true;
  }

  async put(nsp: string, stored: StoredRecord, owner: RecordOwner): Promise<WriteOutcome> {
    return await this.#current().put(nsp, stored, owner);
  }

  async renew(nsp: string, records: readonly OwnedRecord[], ttl: number): Promise<readonly WriteOutcome[]> {
    return await this.#current().renew(nsp, records, ttl);
  }

  async take(nsp: string, pid: string, ttl: number, owner: RecordOwner): Promise<TakenRecord | undefined> {
    return await this.#current().take(nsp, pid, ttl, owner);
  }

  async remove(nsp: string, record: OwnedRecord, ttl: number): Promise<void> {
    await this.#current().remove(nsp, record, ttl);
  }

  #current(): ClusterStore {
    if (this.#store === undefined) throw new ClusterError("CLUSTER_CLOSED");
    return this.#store;
  }
}
