import { numberOf } from "../base/numbers.ts";
import { kindOf, UsageError } from "./usage-errors.ts";

/** @throws UsageError `OPTION_INVALID` */
export function refuseOption(name: string, takes: string, given: unknown): never {
  throw new UsageError("OPTION_INVALID", `the option ${name} takes ${takes}, not ${kindOf(given)}`);
}

/** Whether an option counts as not given: undefined, null and false select the default. */
export function isAbsent(given: unknown): given is undefined | null | false {
  return given === undefined || given === null || given === false;
}

/**
 * Returns a limit as a number, or `otherwise` if it is not given.
 *
 * @param least the minimum; a smaller limit would refuse every client or every message
 * @throws UsageError `OPTION_INVALID` if it is smaller, or not a number
 */
export function limitFrom<Otherwise>(
  name: string,
  given: unknown,
  least: number,
  otherwise: Otherwise,
): number | Otherwise {
  if (isAbsent(given)) return otherwise;
  const limit = numberOf(given);
  return limit === undefined || limit < least ? refuseOption(name, `a number from ${least} on`, given) : limit;
}

/** Returns the path; an empty string or null means the default, not every request. */
export function pathOf(given: unknown): string {
  const path = given || "/engine.io";
  return typeof path === "string" ? path : refuseOption("path", "text", given);
}
