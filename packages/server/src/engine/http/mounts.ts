import type { IncomingMessage, Server as HttpServer } from "node:http";
import { receivesRequests, type RequestListener } from "../../base/request-chain.ts";

/** Which engine has which path of an HTTP server. */
const tables = new WeakMap<object, Map<string, object>>();
/** How engines hear of the requests of an HTTP server. */
const listeners = new WeakMap<HttpServer, Map<object, RequestListener>>();
/** Engines whose paths are free for others. */
const closedEngines = new WeakSet();

/**
 * Gives an engine a path of an HTTP server, unless another has it that is open and still hears of its requests.
 *
 * @returns the engine that has the path now
 */
export function mount(server: HttpServer, path: string, engine: object): object {
  let table = tables.get(server);
  if (!table) tables.set(server, (table = new Map()));
  const other = table.get(path);
  if (other !== undefined && other !== engine && !closedEngines.has(other) && isTaking(server, other)) return other;
  table.set(path, engine);
  return engine;
}

/** Remembers how an engine hears of the requests of an HTTP server. */
export function setTaking(server: HttpServer, engine: object, listener: RequestListener): void {
  let ofServer = listeners.get(server);
  if (!ofServer) listeners.set(server, (ofServer = new Map()));
  ofServer.set(engine, listener);
}

/** Whether the requests of an HTTP server still reach an engine: programs that are reloaded remove all listeners. */
export function isTaking(server: HttpServer, engine: object): boolean {
  const listener = listeners.get(server)?.get(engine);
  return listener !== undefined && receivesRequests(listener, server);
}

/** Takes all paths of an HTTP server from an engine. */
export function unmount(server: HttpServer, engine: object): void {
  listeners.get(server)?.delete(engine);
  const table = tables.get(server);
  for (const [path, other] of table ?? []) if (other === engine) table?.delete(path);
}

/** An engine that is closed keeps its paths as long as no other takes them: its HTTP server may listen again. */
export function setMounts(engine: object, state: "open" | "closed"): void {
  if (state === "closed") closedEngines.add(engine);
  else closedEngines.delete(engine);
}

/** Whether an engine has a path. */
export const isMounted = (server: object, path: string, engine: object): boolean =>
  tables.get(server)?.get(path) === engine;

/** The engine that a request is for: of paths that begin alike the longest counts, whichever came first. */
export function mountedAt(server: object, { url = "" }: Pick<IncomingMessage, "url">): object | undefined {
  let length = -1;
  let found: object | undefined;
  for (const [path, engine] of tables.get(server) ?? []) {
    if (path.length < length || !url.startsWith(path)) continue;
    length = path.length;
    found = engine;
  }
  return found;
}
