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

const scopeRefreshers: (() => void)[] = [];

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

/**
 * Creates the scope `name`. Enable it by the environment variable `DEBUG` (for example `DEBUG=engine*`), or at run time by
 * `debug.enable()` of the package `debug`.
 */
export function createLog(name: string): Log {
  const write = debug(name);
  const log = (format: string, ...args: unknown[]): void => write(format, ...args);
  const scope = Object.assign(log, { enabled: write.enabled });
  scopeRefreshers.push(() => (scope.enabled = write.enabled));
  return scope;
}
