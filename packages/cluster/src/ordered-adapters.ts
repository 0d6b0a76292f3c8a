import type { Adapter } from "@portage/server/adapter";
import { type AdapterNamespace, completeRecovery, randomId } from "@portage/server/relay";
import type { Bus } from "./adapter/bus.ts";
import { createBusAdapter } from "./adapter/create.ts";
import { RecoveringAdapter } from "./adapter/recovering-adapter.ts";
import { AttachedLog } from "./order/attached-log.ts";
import { AttachedStore } from "./recovery/attached-store.ts";

/** How the adapters of a server use a log. */
export interface OrderedAdaptersSettings {
  /** Most bytes of events of a namespace that wait for the log. */
  readonly maxQueuedBytes: number;
  /** Most encoded bytes of the events of one recovery. */
  readonly maxReplayBytes: number;
  /** An adapter does not keep the order for now, or keeps it again. */
  readonly onDegraded: (adapter: object, isDegraded: boolean) => void;
  /** An event came back from the log after this time, in milliseconds. */
  readonly onLag: (ms: number) => void;
}

/** Creates the adapters of a server whose nodes share a log. */
export class OrderedAdapters {
  /** The log of the current node. */
  readonly log = new AttachedLog();
  /** The session records of the current node. */
  readonly store = new AttachedStore();
  readonly #settings: OrderedAdaptersSettings;
  readonly #life = randomId();
  #lifetime = 0;

  constructor(settings: OrderedAdaptersSettings) {
    this.#settings = settings;
  }

  /** Time for which a client may need the events of the log, in milliseconds. */
  get lifetime(): number {
    return this.#lifetime;
  }

  /** Creates the adapter of a namespace. Without recovery, nothing goes to the log. */
  create(nsp: unknown, bus: Bus): Adapter {
    const options = (nsp as AdapterNamespace).server.opts;
    if (!options?.connectionStateRecovery) return createBusAdapter(nsp, bus);
    this.#lifetime = completeRecovery(options).packetLifetime;
    const { maxQueuedBytes, maxReplayBytes, onDegraded, onLag } = this.#settings;
    const adapter: RecoveringAdapter = new RecoveringAdapter(nsp, bus, {
      log: this.log,
      store: this.store,
      life: this.#life,
      maxReplayBytes,
      maxQueuedBytes,
      onDegraded: (isDegraded) => onDegraded(adapter, isDegraded),
      onLag,
    });
    return adapter;
  }
}
