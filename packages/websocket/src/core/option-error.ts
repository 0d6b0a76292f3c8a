/**
 * An option has an invalid value. Thrown by the function that takes the option,
 * before anything is opened.
 *
 * @example
 * try {
 *   new WebSocketServer({ port, perMessageDeflate: { serverMaxWindowBits: 16 } });
 * } catch (error) {
 *   if (error instanceof OptionError) log(error.code, error.message);
 * }
 */
export class OptionError extends RangeError {
  override readonly name = "OptionError";
  readonly code = "WS_ERR_INVALID_OPTION";
}

/**
 * Reads a limit as `ws` does. Undefined means the default; zero, negative numbers and values that
 * are not numbers mean unlimited.
 */
export function limitOf(value: unknown, byDefault: number): number {
  if (value === undefined) return byDefault;
  const limit = Number(value);
  return limit >= 1 ? limit : Infinity;
}

/** Returns `latest` if `next` has equal values: consecutive connections share one record. */
export function reuseIfEqual<T extends object>(latest: T, next: T): T {
  const names = Object.keys(next) as (keyof T)[];
  return names.every((name) => latest[name] === next[name]) ? latest : next;
}
