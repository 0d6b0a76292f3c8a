import { BARS } from "../bars.ts";
import { percent } from "../sentences.ts";
import type { Rule } from "../snapshot.ts";

/** A limit is almost reached. */
export const nearLimit: Rule = ({ limits }) =>
  limits
    .filter(({ value, used }) => used > BARS.nearLimit.share * value)
    .map(({ name, value, used }) => ({
      code: "NEAR_LIMIT",
      subject: name,
      sentence: `${percent(used / value)} of ${name} is in use: ${used} of ${value}.`,
      link: "#/",
    }));
