import { kShutDown } from "../engine/index.ts";
import { failAdapter } from "./events/listener-errors.ts";
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
