/*
 * What differs between browsers, workers and Node.js: globals, timers, events of the page, cookies, options of requests.
 * Knows: the platform.
 * Must not know: sessions, transports, packets.
 */
/**
 * A global of the platform: undefined where there is none, or where it may not be read, as in a sandbox.
 *
 * @example platform<Location>("location")?.protocol
 */
export function platform<T extends object>(name: string): Partial<T> | undefined {
  try {
    return (globalThis as Record<string, unknown>)[name] as T;
  } catch {
    return undefined;
  }
}
