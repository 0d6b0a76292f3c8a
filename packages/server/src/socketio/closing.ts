import { bounded } from "../base/numbers.ts";
import { DRAIN_DEADLINE, type DrainOptions, kReturnTime, kShutDown } from "../engine/index.ts";
import type { Adapter, KeepingAdapter } from "./adapter/adapter.ts";
import { failAdapter } from "./events/listener-errors.ts";
import { kWhenTaken } from "./keys.ts";
import type { AnyNamespace } from "./namespace.ts";

/** Whether an engine is ours and can shut down gracefully. */
export const isEngine = (engine: object): boolean => kShutDown in engine;

/** Ends the sockets of a namespace, then its adapter. */
export async function closeNamespace(nsp: AnyNamespace): Promise<void> {
  for (const socket of nsp.sockets.values()) socket._onclose("server shutting down");
  try {
    await nsp.adapter.close();
  } catch (error) {
    failAdapter(error, nsp, "rejected");
  }
}

interface DrainingEngine {
  readonly [kReturnTime]: number;
  drain(options: DrainOptions | null | undefined, finish: () => Promise<void>): Promise<void>;
}

const isKeeping = (adapter: Adapter): adapter is Adapter & KeepingAdapter => kWhenTaken in adapter;

/**
 * Moves all clients to other servers. If those fetch the sessions from this one, it stays until its clients have come to them:
 * the clients are moved earlier, so that the deadline includes that time.
 */
export async function moveClients(
  engines: readonly DrainingEngine[],
  namespaces: Iterable<AnyNamespace>,
  options: DrainOptions | null | undefined,
): Promise<void> {
  const keepers = Array.from(namespaces, ({ adapter }) => adapter).filter(isKeeping);
  const deadline = bounded(options?.deadline, 0, Infinity, DRAIN_DEADLINE);
  const longest = Math.max(0, ...engines.map((engine) => engine[kReturnTime]));
  const time = keepers.length === 0 ? 0 : Math.min(longest, deadline / 2);
  const own = time === 0 ? options : { ...options, deadline: deadline - time };
  const finish = async (): Promise<void> => void (await Promise.all(keepers.map((each) => each[kWhenTaken](time))));
  await Promise.all(engines.map((engine) => engine.drain(own, finish)));
}

/** Closes an engine unless `attach` returns true: it would stay connected to its cluster. Returns what `attach` does. */
export function closeUnused(engine: { close(): unknown }, attach: () => boolean): boolean {
  let isUsed = false;
  try {
    isUsed = attach();
  } finally {
    if (!isUsed) engine.close();
  }
  return isUsed;
}
