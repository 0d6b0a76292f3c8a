import debug from "debug";

/**
 * A log scope behind a cached boolean: ask `log.enabled` before building the arguments, so that a silent log costs
 * one property read on the hot path.
 */
export interface Log {
  readonly enabled: boolean;
  (format: string, ...args: unknown[]): void;
}

/** Opens the scope `name`, switched on by the environment variable `DEBUG` (for example `DEBUG=engine*`). */
export function createLog(name: string): Log {
  const write = debug(name);
  const log = (format: string, ...args: unknown[]): void => {
    if (write.enabled) write(format, ...args);
  };
  return Object.defineProperty(log, "enabled", { value: write.enabled }) as Log;
}
