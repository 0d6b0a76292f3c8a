/** What happened, and what to do about it. */
interface ErrorText {
  readonly message: string;
  readonly fix: string;
}

/** All errors of `runWorkers()`, by code. */
export const WORKERS_ERRORS = {
  OPTION_INVALID: {
    message: "an option of runWorkers() has an invalid value",
    fix: "see the message for the accepted values",
  },
  WORKERS_CRASH_LOOP: {
    message: "workers end again and again before they listen",
    fix: "look at the output of the workers; start() must listen within `startTimeout`",
  },
  ROLL_FAILED: {
    message: "a replacement ended before it listened; the old worker serves on",
    fix: "look at the output of the workers, correct the program, and roll again",
  },
  WORKERS_STOPPED: { message: "the workers were stopped", fix: "nothing, the program ends" },
  PRIMARY_ONLY: { message: "roll() works in the primary only", fix: "call it in the primary, or send it SIGHUP" },
} as const satisfies Record<string, ErrorText>;

/** A code of a {@link WorkersError}. */
export type WorkersErrorCode = keyof typeof WORKERS_ERRORS;

/** An error of `runWorkers()`. `code` is a key of {@link WORKERS_ERRORS}. */
export class WorkersError extends Error {
  /** What happened. */
  readonly code: WorkersErrorCode;

  constructor(code: WorkersErrorCode, message: string = WORKERS_ERRORS[code].message) {
    super(message);
    this.code = code;
  }
}
WorkersError.prototype.name = "WorkersError";
