import type { PrivateSessionId, RestoredSession } from "../adapter/adapter.ts";
import { SessionAwareAdapter } from "../recovery/session-aware.ts";
import { SocketIoError } from "../report/errors.ts";
import { failAdapter } from "../events/listener-errors.ts";
import type { Namespace } from "../namespace.ts";
import type { Socket } from "./socket.ts";
import { kYieldSession, kTally } from "../keys.ts";

/** The reasons of disconnection after which a client may resume its session. */
export const RECOVERABLE_REASONS: ReadonlySet<string> = new Set([
  "transport error",
  "transport close",
  "forced close",
  "ping timeout",
  "server shutting down",
  "forced server close",
]);

/** The connected socket of each recoverable session, by private id. A session has at most one. */
const holders = new WeakMap<Namespace, Map<PrivateSessionId, Socket>>();

/** Registers a socket as the owner of its session, new or resumed. */
export function claimSession(pid: PrivateSessionId, socket: Socket): void {
  let held = holders.get(socket.nsp);
  if (held === undefined) holders.set(socket.nsp, (held = new Map()));
  held.set(pid, socket);
}

/** Unregisters a socket. The adapter may store its session now. */
export function releaseSession(pid: PrivateSessionId, socket: Socket): void {
  const held = holders.get(socket.nsp);
  if (held?.get(pid) === socket) held.delete(pid);
}

/** Ends the connection of a socket whose client resumes the session elsewhere, which stores the session. */
export function yieldSession(nsp: object, pid: PrivateSessionId): void {
  holders
    .get(nsp as Namespace)
    ?.get(pid)
    ?.client[kYieldSession]();
}

/**
 * Resolves with the session that a client asks to resume, or with the error why it can't.
 *
 * A client may return before the server has noticed its loss, while the old connection still owns the session. The client
 * alone knows the private id, so the old connection is dead: it is ended first, which stores its session.
 *
 * @returns undefined when the client does not ask for a session
 */
export function restore(socket: { nsp: Namespace; revision: 3 | 4 }, auth: Record<string, unknown>): Restoration {
  const { pid, offset } = auth;
  // Protocol 4 (Socket.IO 2) has no recovery, so `pid` belongs to the application there.
  if (pid === undefined || socket.revision === 3) return undefined;
  return tallied(findSession(socket.nsp, pid, offset), socket.nsp);
}

/** The outcome of a request to resume; undefined when the client does not ask. */
export type Restoration = Promise<RestoredSession | SocketIoError> | undefined;

async function tallied(
  search: Promise<RestoredSession | SocketIoError>,
  nsp: Namespace,
): Promise<RestoredSession | SocketIoError> {
  const found = await search;
  nsp.server[kTally].countRecovery(found);
  return found;
}

async function findSession(nsp: Namespace, pid: unknown, offset: unknown): Promise<RestoredSession | SocketIoError> {
  const { server, adapter } = nsp;
  if (!server.opts.connectionStateRecovery) return new SocketIoError("RECOVERY_OFF");
  if (typeof pid !== "string" || (offset !== undefined && typeof offset !== "string")) {
    return new SocketIoError("RECOVERY_MALFORMED");
  }
  yieldSession(nsp, pid);
  const isOurs = adapter instanceof SessionAwareAdapter;
  // A client that has received no event has no offset. Only our own adapter can resume without one.
  if (offset === undefined && !isOurs) return new SocketIoError("RECOVERY_NO_OFFSET");
  try {
    const session = await adapter.restoreSession(pid, offset ?? "");
    return session ?? new SocketIoError(isOurs ? adapter.refusalOf(pid) : "RECOVERY_SESSION_UNKNOWN");
  } catch (error) {
    failAdapter(error, nsp, "rejected");
    return new SocketIoError("RECOVERY_FAILED", undefined, { cause: error });
  }
}
