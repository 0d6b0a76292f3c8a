/**
 * An option has a value that it cannot have. It is thrown where the option is given, before anything is opened.
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

/** A limit as `ws` reads it: undefined is the default; zero, negative numbers and what is not a number are no limit. */
export function limitOf(value: unknown, byDefault: number): number {
  if (value === undefined) return byDefault;
  const limit = Number(value);
  return limit >= 1 ? limit : Infinity;
}
