/** Mistakes of the program that are found where they are made: code, sentence. */
export const USAGE_ERRORS = {
  NOT_A_FUNCTION: "a function is expected, and something else was given",
  PATH_TAKEN: "another server has this path of the HTTP server: close that one first",
  OPTION_INVALID: "an option has a value that it does not take",
  ID_INVALID: "generateId() must return text or a number: it is a part of URLs",
  ID_TAKEN: "generateId() has returned the id of an open session",
  MIDDLEWARE_WITHOUT_ERROR:
    "a middleware of engine.use() failed without an error: it threw nothing, or rejected with nothing",
  USER_OF_INVALID: "maxConnectionsPerUser needs the option userOf: a function that returns text",
} as const;

export type UsageErrorCode = keyof typeof USAGE_ERRORS;

/** A mistake of the program, thrown by the faulty call. `code` is a key of {@link USAGE_ERRORS}. */
export class UsageError extends TypeError {
  /** Which mistake it is. */
  readonly code: UsageErrorCode;

  constructor(code: UsageErrorCode, message: string = USAGE_ERRORS[code]) {
    super(message);
    this.code = code;
  }
}
UsageError.prototype.name = "UsageError";

/**
 * Checks that an argument is a function, at once instead of when it is called.
 *
 * @param method the public method, for the message
 * @throws UsageError `NOT_A_FUNCTION`
 */
export function checkFunction(given: unknown, method: string): void {
  if (typeof given !== "function")
    throw new UsageError("NOT_A_FUNCTION", `${method} takes a function, not ${kindOf(given)}`);
}

/** Describes a value for an error message, without its content, which may be long or secret. */
export function kindOf(given: unknown): string {
  if (given === null || typeof given === "number" || typeof given === "boolean") return String(given);
  return typeof given === "string" ? (given === "" ? "an empty string" : "a string") : typeof given;
}
