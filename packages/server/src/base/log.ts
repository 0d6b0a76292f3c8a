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
const enable = debug.enable.bind(debug);
debug.enable = (namespaces) => {
  enable(namespaces);
  refreshAll();
};

// A program that has taken `enable` out of the package before this one was loaded comes by here alone, at the start of it.
const saving = debug as typeof debug & Saving;
const save = saving.save.bind(debug);
saving.save = (namespaces) => {
  save(namespaces);
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
