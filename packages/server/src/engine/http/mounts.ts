import type { IncomingMessage, Server as HttpServer } from "node:http";
import { receivesRequests, type RequestListener } from "../../base/request-chain.ts";

/** Engines by path, for each HTTP server. */
const tables = new WeakMap<object, Map<string, object>>();
/** Request listeners by engine, for each HTTP server. */
const listeners = new WeakMap<HttpServer, Map<object, RequestListener>>();
/** Closed engines; other engines may take their paths. */
const closedEngines = new WeakSet();

/**
 * Assigns a path of an HTTP server to an engine, unless another engine has it, is open, and still receives requests.
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

/** Stores the listener through which an engine receives an HTTP server's requests. */
export function setTaking(server: HttpServer, engine: object, listener: RequestListener): void {
  let ofServer = listeners.get(server);
  if (!ofServer) listeners.set(server, (ofServer = new Map()));
  ofServer.set(engine, listener);
}

/** Whether an HTTP server's requests still reach an engine. Tools that reload programs remove all listeners. */
export function isTaking(server: HttpServer, engine: object): boolean {
  const listener = listeners.get(server)?.get(engine);
  return listener !== undefined && receivesRequests(listener, server);
}

/** Removes all paths of an engine from an HTTP server. */
export function unmount(server: HttpServer, engine: object): void {
  listeners.get(server)?.delete(engine);
  const table = tables.get(server);
  for (const [path, other] of table ?? []) if (other === engine) table?.delete(path);
}

/** Marks an engine as open or closed. A closed engine loses a path only to another engine, as its server may listen again. */
export function setMounts(engine: object, state: "open" | "closed"): void {
  if (state === "closed") closedEngines.add(engine);
  else closedEngines.delete(engine);
}

/** Whether an engine has a path. */
export const isMounted = (server: object, path: string, engine: object): boolean =>
  tables.get(server)?.get(path) === engine;

/** Returns the engine for a request: the one with the longest matching path. */
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
