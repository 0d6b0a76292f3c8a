import type { CodeText } from "./report/close-codes.ts";

/** Mistakes of the program, by code. */
export const USAGE_ERRORS = {
  NOT_A_FUNCTION: { message: "a function is required", fix: "pass a function" },
  PATH_TAKEN: {
    message: "another server has this path of the HTTP server",
    fix: "close the other server first, or choose another `path`",
  },
  OPTION_INVALID: { message: "an option has an invalid value", fix: "see the message for the accepted values" },
  ID_INVALID: {
    message: "generateId() must return a number or a non-empty string",
    fix: "return text that is valid in a URL",
  },
  ID_TAKEN: { message: "generateId() returned the id of an open session", fix: "return a new id for each session" },
  ID_WITHOUT_TAG: {
    message: "generateId() returned an id that does not begin with `io.cluster.tag`",
    fix: "return the tag and random characters; until then, balancers must be sticky",
  },
  MIDDLEWARE_WITHOUT_ERROR: {
    message: "a middleware of engine.use() failed without an error",
    fix: "throw, or reject with, an Error",
  },
  USER_OF_INVALID: {
    message: "maxConnectionsPerUser needs userOf, a function that returns a string",
    fix: "set `userOf`",
  },
} as const satisfies Record<string, CodeText>;

export type UsageErrorCode = keyof typeof USAGE_ERRORS;

/** A mistake of the program, thrown by the faulty call. `code` is a key of {@link USAGE_ERRORS}. */
export class UsageError extends TypeError {
  /** Which mistake it is. */
  readonly code: UsageErrorCode;

  constructor(code: UsageErrorCode, message: string = USAGE_ERRORS[code].message) {
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

/** Emits a process warning for an error, because the program may not handle it. */
export function emitProcessWarning(error: UsageError): UsageError {
  process.emitWarning(error);
  return error;
}
