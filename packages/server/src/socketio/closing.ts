import { bounded } from "../base/numbers.ts";
import { DRAIN_DEADLINE, type DrainOptions, kGate, kReturnTime, kShutDown } from "../engine/index.ts";
import type { Adapter, KeepingAdapter } from "./adapter/adapter.ts";
import { failAdapter } from "./events/listener-errors.ts";
import { kSendInOrder, kWhenTaken } from "./keys.ts";
import type { AnyNamespace } from "./namespace.ts";
import { SOCKETIO_DEFAULTS } from "./options.ts";

/** Any engine: ours, or one that `io.bind(engine)` has added. */
interface AnyEngine {
  close(): unknown;
}

/** An engine of ours. */
interface OwnEngine extends AnyEngine {
  readonly [kGate]: { readonly isOpen: boolean };
  readonly [kReturnTime]: number;
  [kShutDown](deadline: number): Promise<void>;
  drain(options: DrainOptions | null | undefined, finish: () => Promise<void>): Promise<void>;
}

const isOwn = (engine: AnyEngine): engine is OwnEngine => kShutDown in engine;
const isKeeping = (adapter: Adapter): adapter is Adapter & KeepingAdapter => kWhenTaken in adapter;

const closedAdapters = new WeakSet<Adapter>();

/** Sends what was emitted before, ends the sockets of a namespace, then its adapter. */
export async function closeNamespace(nsp: AnyNamespace): Promise<void> {
  const { adapter } = nsp;
  if (adapter[kSendInOrder] !== undefined) await new Promise<void>((resolve) => adapter[kSendInOrder]?.(resolve));
  for (const socket of nsp.sockets.values()) socket._onclose("server shutting down");
  closedAdapters.add(adapter);
  try {
    await adapter.close();
  } catch (error) {
    failAdapter(error, nsp, "rejected");
  }
}

/** Gives namespaces that were closed new adapters: the server is attached again, and joins its cluster again. */
export function reopenNamespaces(namespaces: Iterable<AnyNamespace>): void {
  for (const nsp of namespaces) if (closedAdapters.has(nsp.adapter)) nsp._initAdapter();
}

/** Whether there are engines, and all of them open sessions. */
export function opensSessions(engines: Iterable<AnyEngine>): boolean {
  const all = [...engines];
  return all.length > 0 && all.every((engine) => !isOwn(engine) || engine[kGate].isOpen);
}

/**
 * Moves all clients to other servers. If those fetch the sessions from this one, it stays until its clients have come to them:
 * the clients are moved earlier, so that the deadline includes that time.
 */
export async function moveClients(
  engines: Iterable<AnyEngine>,
  namespaces: Iterable<AnyNamespace>,
  options: DrainOptions | null | undefined,
): Promise<void> {
  const own = [...engines].filter(isOwn);
  const keepers = Array.from(namespaces, ({ adapter }) => adapter).filter(isKeeping);
  const deadline = bounded(options?.deadline, 0, Infinity, DRAIN_DEADLINE);
  const longest = Math.max(0, ...own.map((engine) => engine[kReturnTime]));
  const time = keepers.length === 0 ? 0 : Math.min(longest, deadline / 2);
  const moving = time === 0 ? options : { ...options, deadline: deadline - time };
  const finish = async (): Promise<void> => void (await Promise.all(keepers.map((each) => each[kWhenTaken](time))));
  await Promise.all(own.map((engine) => engine.drain(moving, finish)));
}

/** Closes engines, our own after sending what is queued. `closeTimeout`: see the option. */
export async function closeEngines(engines: Iterable<AnyEngine>, closeTimeout: unknown): Promise<void> {
  const all = [...engines];
  const deadline = bounded(closeTimeout, 0, Infinity, SOCKETIO_DEFAULTS.closeTimeout);
  await Promise.all(all.filter(isOwn).map((engine) => engine[kShutDown](deadline)));
  for (const engine of all) engine.close();
}

/** Closes an engine unless `attach` returns true: it would stay connected to its cluster. Returns what `attach` does. */
export function closeUnused(engine: AnyEngine, attach: () => boolean): boolean {
  let isUsed = false;
  try {
    isUsed = attach();
  } finally {
    if (!isUsed) engine.close();
  }
  return isUsed;
}
