import { BARS } from "../bars.ts";
import { amount, eventText } from "../sentences.ts";
import type { Rule } from "../snapshot.ts";

/** The listeners of an event throw, or their promises reject. */
export const handlersFail: Rule = ({ failures }) =>
  failures
    .filter(({ count }) => count >= BARS.handlersFail.count)
    .map((row) => ({
      code: "HANDLERS_FAIL",
      subject: eventText(row),
      sentence: `The listeners of "${eventText(row)}" failed ${amount(row.count, "time")} in 10 seconds.`,
      link: "#/problems",
    }));
