import { amount, nameOf } from "../sentences.ts";
import type { Rule } from "../snapshot.ts";

/** Errors in ten seconds. */
const LEAST = 3;

/** The listeners of an event throw, or their promises reject. */
export const handlersFail: Rule = ({ failures }) =>
  failures
    .filter(({ count }) => count >= LEAST)
    .map((row) => ({
      code: "HANDLERS_FAIL",
      subject: nameOf(row),
      sentence: `The listeners of "${nameOf(row)}" failed ${amount(row.count, "time")} in 10 seconds.`,
      link: "#/problems",
    }));
