import type { Session } from "./adapter/adapter.ts";
import type { Namespace } from "./namespace.ts";

/** Reasons to disconnect after which a client may come back and take its session up again. */
export const RECOVERABLE_REASONS: ReadonlySet<string> = new Set([
  "transport error",
  "transport close",
  "forced close",
  "ping timeout",
  "server shutting down",
  "forced server close",
]);

/** Options of the recovery of a session after a temporary disconnection. */
export interface RecoveryOptions {
  /** For how many milliseconds a session is kept. Default: 120000. */
  maxDisconnectionDuration?: number;
  /** Whether a client that comes back is spared the middlewares. Default: true. */
  skipMiddlewares?: boolean;
}

export const RECOVERY_DEFAULTS: Readonly<Required<RecoveryOptions>> = {
  maxDisconnectionDuration: 2 * 60 * 1000,
  skipMiddlewares: true,
};

/** The session that a client wants to take up again, if it has one: undefined when it does not ask. */
export function restore(nsp: Namespace, auth: Record<string, unknown>): Promise<Session | undefined> | undefined {
  const { pid, offset } = auth;
  if (!nsp.server.opts.connectionStateRecovery || typeof pid !== "string" || typeof offset !== "string")
    return undefined;
  return askAdapter(nsp, pid, offset);
}

async function askAdapter(nsp: Namespace, pid: string, offset: string): Promise<Session | undefined> {
  return (await nsp.adapter.restoreSession(pid, offset)) ?? undefined;
}
