import debug from "debug";

/**
 * A log scope behind a plain boolean: ask `log.enabled` before building the arguments, so that a silent log costs one
 * property read on the hot path.
 */
export interface Log {
  readonly enabled: boolean;
  (format: string, ...args: unknown[]): void;
}

const refreshers: (() => void)[] = [];

// `debug.disable()` comes by here as well
const { enable } = debug;
debug.enable = (namespaces) => {
  enable.call(debug, namespaces);
  for (const refresh of refreshers) refresh();
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
