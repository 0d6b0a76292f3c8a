import type { IncomingMessage } from "node:http";

/** Which engine has which path of an HTTP server. */
const tables = new WeakMap<object, Map<string, object>>();
/** Engines whose paths are free for others. */
const closed = new WeakSet();

/**
 * Gives an engine a path of an HTTP server, unless another has it that is open.
 *
 * @returns the engine that has the path now
 */
export function mount(server: object, path: string, engine: object): object {
  let table = tables.get(server);
  if (!table) tables.set(server, (table = new Map()));
  const other = table.get(path);
  if (other !== undefined && !closed.has(other)) return other;
  table.set(path, engine);
  return engine;
}

/** Takes all paths of an HTTP server from an engine. */
export function unmount(server: object, engine: object): void {
  const table = tables.get(server);
  for (const [path, other] of table ?? []) if (other === engine) table?.delete(path);
}

/** An engine that is closed keeps its paths as long as no other takes them: its HTTP server may listen again. */
export function setMounts(engine: object, state: "open" | "closed"): void {
  if (state === "closed") closed.add(engine);
  else closed.delete(engine);
}

/** Whether an engine has a path. */
export const isMounted = (server: object, path: string, engine: object): boolean =>
  tables.get(server)?.get(path) === engine;

/** The engine that a request is for: of paths that begin alike the longest counts, whichever came first. */
// hot path
export function mountedAt(server: object, { url = "" }: IncomingMessage): object | undefined {
  let length = -1;
  let found: object | undefined;
  for (const [path, engine] of tables.get(server) ?? []) {
    if (path.length < length || !url.startsWith(path)) continue;
    length = path.length;
    found = engine;
  }
  return found;
}
