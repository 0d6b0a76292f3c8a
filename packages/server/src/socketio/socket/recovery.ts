import type { PrivateSessionId, Session } from "../adapter/adapter.ts";
import { SessionAwareAdapter } from "../recovery/session-aware.ts";
import { SocketIoError } from "../report/errors.ts";
import { failAdapter } from "../events/listener-errors.ts";
import type { Namespace } from "../namespace.ts";
import type { Socket } from "./socket.ts";
import { kOnResumedElsewhere, kTally } from "../keys.ts";

/** Reasons to disconnect after which a client may come back and take its session up again. */
export const RECOVERABLE_REASONS: ReadonlySet<string> = new Set([
  "transport error",
  "transport close",
  "forced close",
  "ping timeout",
  "server shutting down",
  "forced server close",
]);

/** The sockets that hold a session right now, by its private id. A session has one holder at most. */
const holders = new WeakMap<Namespace, Map<PrivateSessionId, Socket>>();

/** A socket has got a session, a new one or one that it takes up again. */
export function hold(pid: PrivateSessionId, socket: Socket): void {
  let held = holders.get(socket.nsp);
  if (held === undefined) holders.set(socket.nsp, (held = new Map()));
  held.set(pid, socket);
}

/** A socket has lost its session, which may be kept by the adapter from now on. */
export function release(pid: PrivateSessionId, socket: Socket): void {
  const held = holders.get(socket.nsp);
  if (held?.get(pid) === socket) held.delete(pid);
}

/**
 * The session that a client wants to take up again, or the reason why it can't.
 *
 * A client may be back before the server has noticed that it was gone: its old connection still holds the session then.
 * The private id is known to the client alone, so that one is over: it is ended, and leaves its session to the adapter.
 *
 * @returns undefined when the client does not ask for a session
 */
export function restore(socket: { nsp: Namespace; revision: 3 | 4 }, auth: Record<string, unknown>): Restoration {
  const { pid, offset } = auth;
  // Protocol 4 (Socket.IO 2) knows no recovery: the name belongs to the application there.
  if (pid === undefined || socket.revision === 3) return undefined;
  return tallied(findSession(socket.nsp, pid, offset), socket.nsp);
}

/** What comes of a client's wish to take up a session. */
export type Restoration = Promise<Session | SocketIoError> | undefined;

async function tallied(search: Promise<Session | SocketIoError>, nsp: Namespace): Promise<Session | SocketIoError> {
  const found = await search;
  nsp.server[kTally].onRecovery(found);
  return found;
}

async function findSession(nsp: Namespace, pid: unknown, offset: unknown): Promise<Session | SocketIoError> {
  const { server, adapter } = nsp;
  if (!server.opts.connectionStateRecovery) return new SocketIoError("RECOVERY_OFF");
  if (typeof pid !== "string" || (offset !== undefined && typeof offset !== "string")) {
    return new SocketIoError("RECOVERY_MALFORMED");
  }
  holders.get(nsp)?.get(pid)?.client[kOnResumedElsewhere]();
  const isOurs = adapter instanceof SessionAwareAdapter;
  // A client that has got no event yet has no offset. Only our own adapter knows what to make of that.
  if (offset === undefined && !isOurs) return new SocketIoError("RECOVERY_NO_OFFSET");
  try {
    const session = await adapter.restoreSession(pid, offset ?? "");
    return session ?? new SocketIoError(isOurs ? adapter.refusalOf(pid) : "RECOVERY_SESSION_UNKNOWN");
  } catch (error) {
    failAdapter(error, nsp, "rejected");
    return new SocketIoError("RECOVERY_FAILED", undefined, { cause: error });
  }
}
