import debug from "debug";

/**
 * A log scope behind a plain boolean: ask `log.enabled` before building the arguments, so that a silent log costs one
 * property read on the hot path.
 */
export interface Log {
  readonly enabled: boolean;
  (format: string, ...args: unknown[]): void;
}

/** What the package calls whenever scopes are switched. */
interface SavableDebug {
  save(namespaces: string): void;
}

const scopeRefreshers: (() => void)[] = [];

function refreshScopes(): void {
  for (const refresh of scopeRefreshers) refresh();
}

// `debug.disable()` comes by here as well
const enable = debug.enable.bind(debug);
debug.enable = (namespaces) => {
  enable(namespaces);
  refreshScopes();
};

// A program that has taken `enable` out of the package before this one was loaded comes by here alone, at the start of it.
const savableDebug = debug as typeof debug & SavableDebug;
const saveScopes = savableDebug.save.bind(debug);
savableDebug.save = (namespaces) => {
  saveScopes(namespaces);
  queueMicrotask(refreshScopes);
};

/**
 * Opens the scope `name`, switched on by the environment variable `DEBUG` (for example `DEBUG=engine*`), and on and off
 * at run time by `debug.enable()` and `debug.disable()` of the same package `debug`.
 */
export function createLog(name: string): Log {
  const write = debug(name);
  const log = (format: string, ...args: unknown[]): void => write(format, ...args);
  const scope = Object.assign(log, { enabled: write.enabled });
  scopeRefreshers.push(() => (scope.enabled = write.enabled));
  return scope;
}
