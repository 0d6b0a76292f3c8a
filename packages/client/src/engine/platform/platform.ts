/*
 * Differences between browsers, workers and Node.js: globals, timers, page events, cookies, request options.
 * Knows: the platform.
 * Must not know: sessions, transports, packets.
 */
/**
 * Returns a global of the platform; undefined if it is missing, or if reading it throws, as in a sandbox.
 *
 * @example readGlobal<Location>("location")?.protocol
 */
export function readGlobal<T extends object>(name: string): Partial<T> | undefined {
  try {
    return (globalThis as Record<string, unknown>)[name] as T;
  } catch {
    return undefined;
  }
}
