import debug from "debug";

/**
 * A log scope with a plain boolean. Check `log.enabled` before building the arguments, so that a disabled log costs one
 * property read.
 */
export interface Log {
  readonly enabled: boolean;
  (format: string, ...args: unknown[]): void;
}

/** The method that `debug` calls whenever scopes change. */
interface SavableDebug {
  save(namespaces: string): void;
}

/** Receives what logs write while {@link setLogScopes} enables them. `format` is as of `debug`. */
export type LogSink = (scope: string, format: string, args: readonly unknown[]) => void;

const scopeRefreshers: (() => void)[] = [];
let sink: LogSink | undefined;
/** Whether {@link setLogScopes} enables a scope. */
let isExtra: (scope: string) => boolean = () => false;

function refreshScopes(): void {
  for (const refresh of scopeRefreshers) refresh();
}

// `debug.disable()` calls it too
const enable = debug.enable.bind(debug);
debug.enable = (namespaces) => {
  enable(namespaces);
  refreshScopes();
};

// A program that has stored `debug.enable` before this file was loaded calls only `save`, at the start of `enable`.
const savableDebug = debug as typeof debug & SavableDebug;
const saveScopes = savableDebug.save.bind(debug);
savableDebug.save = (namespaces) => {
  saveScopes(namespaces);
  queueMicrotask(refreshScopes);
};

/** `debug` has `undefined` until scopes are enabled for the first time. */
const isWritten = ({ enabled }: { enabled: boolean | undefined }): boolean => enabled === true;

/**
 * Creates the scope `name`. Enable it by the environment variable `DEBUG` (for example `DEBUG=engine*`), or at run time by
 * `debug.enable()` of the package `debug`.
 */
export function createLog(name: string): Log {
  const write = debug(name);
  const log = (format: string, ...args: unknown[]): void => {
    write(format, ...args);
    if (sink !== undefined && isExtra(name)) sink(name, format, args);
  };
  const scope = Object.assign(log, { enabled: isWritten(write) });
  scopeRefreshers.push(() => {
    // `null` is what `debug` has in a scope that follows `debug.enable()`.
    Object.assign(write, { enabled: isExtra(name) ? true : null });
    scope.enabled = isWritten(write);
  });
  return scope;
}

/**
 * Enables scopes beside `DEBUG` and `debug.enable()`, in the whole process, and passes their lines to `to` as well.
 * Each call replaces the earlier one; an empty text ends it.
 *
 * @param scopes names with `*`, separated by commas or spaces; `-` in front excludes
 */
export function setLogScopes(scopes: string, to: LogSink | undefined): void {
  const words = scopes.split(/[\s,]+/).filter((word) => word !== "" && word !== "-");
  const excluded = words.filter((word) => word.startsWith("-")).map((word) => word.slice(1));
  const included = words.filter((word) => !word.startsWith("-"));
  sink = to;
  isExtra = (scope) =>
    included.some((word) => matchesScope(word, scope)) && !excluded.some((word) => matchesScope(word, scope));
  refreshScopes();
}

/** Whether a name matches a pattern with `*`, in linear time: a page may send any pattern. */
function matchesScope(pattern: string, name: string): boolean {
  const [start = "", ...rest] = pattern.split("*");
  if (rest.length === 0) return pattern === name;
  const end = rest.pop() ?? "";
  if (!name.startsWith(start) || !name.endsWith(end) || name.length < start.length + end.length) return false;
  let at = start.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found === -1 || found + part.length > name.length - end.length) return false;
    at = found + part.length;
  }
  return true;
}
