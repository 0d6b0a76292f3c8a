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
interface Saving {
  save(namespaces: string): void;
}

const refreshers: (() => void)[] = [];

function refreshAll(): void {
  for (const refresh of refreshers) refresh();
}

// `debug.disable()` comes by here as well
const { enable, save } = debug as typeof debug & Saving;
debug.enable = (namespaces) => {
  enable.call(debug, namespaces);
  refreshAll();
};

// A program that has taken `enable` out of the package before this one was loaded comes by here alone, at the start of it.
(debug as typeof debug & Saving).save = (namespaces) => {
  save.call(debug, namespaces);
  queueMicrotask(refreshAll);
};

/**
 * Opens the scope `name`, switched on by the environment variable `DEBUG` (for example `DEBUG=engine*`), and on and off
 * at run time by `debug.enable()` and `debug.disable()` of the same package `debug`.
 */
export function createLog(name: string): Log {
  const write = debug(name);
  const log = (format: string, ...args: unknown[]): void => write(format, ...args);
  const scope = Object.assign(log, { enabled: write.enabled });
  refreshers.push(() => (scope.enabled = write.enabled));
  return scope;
}
