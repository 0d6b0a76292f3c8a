import { Server as NetServer } from "node:net";
import type { ServerResponse } from "node:http";

/** A server that a worker ends when it leaves: an `io`, an engine, an HTTP server, or any object that closes. */
export interface Leavable {
  /** Moves its clients to other servers. */
  drain?(options: { deadline: number }): unknown;
  /** Ends it. */
  close(): unknown;
}

/** What start() returns: what the worker ends when it leaves. */
export type Started = Leavable | readonly Leavable[] | void;

const isLeavable = (value: unknown): value is Leavable =>
  typeof value === "object" && value !== null && "close" in value && typeof value.close === "function";

/** Lists the servers in the result of start(). */
export function leavables(started: unknown): readonly Leavable[] {
  const list: readonly unknown[] = Array.isArray(started) ? started : [started];
  return list.filter(isLeavable);
}

/** The listening server behind a target: the target itself, or the server of Socket.IO, an engine or a framework. */
function listenersOf(target: Leavable): NetServer[] {
  const { httpServer, server } = target as { httpServer?: unknown; server?: unknown };
  return [target, httpServer, server].filter((each): each is NetServer => each instanceof NetServer);
}

/**
 * Stops accepting connections, so that new clients reach other workers. Open connections go on, because polls of leaving
 * sessions use them: `close()` of an HTTP server would end the idle ones, maybe with a request under way. Each ends with its
 * next answer.
 */
function stopListening(server: NetServer): void {
  if (!server.listening) return;
  NetServer.prototype.close.call(server);
  server.prependListener("request", (_req: unknown, res: Partial<ServerResponse>) => {
    if ("shouldKeepAlive" in res) res.shouldKeepAlive = false;
  });
}

/** Ends a target. The `close()` of Node's servers calls back, others return a promise. */
async function closeTarget(target: Leavable): Promise<void> {
  if (target instanceof NetServer) await new Promise<void>((resolve) => target.close(() => resolve()));
  else await target.close();
}

/**
 * Drains servers, then closes them.
 *
 * @param deadline milliseconds after which clients are not given more time
 * @returns what went wrong
 */
export async function leaveServers(targets: readonly Leavable[], deadline: number): Promise<unknown[]> {
  for (const server of new Set(targets.flatMap(listenersOf))) stopListening(server);
  const drained = await Promise.allSettled(targets.map(async (target) => target.drain?.({ deadline })));
  const closed = await Promise.allSettled(targets.map(closeTarget));
  return [...drained, ...closed].flatMap((result) => (result.status === "rejected" ? [result.reason as unknown] : []));
}
