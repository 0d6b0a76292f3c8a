import { percent } from "../sentences.ts";
import type { Rule } from "../snapshot.ts";

const SHARE = 0.8;

/** A limit is almost reached. */
export const nearLimit: Rule = ({ limits }) =>
  limits
    .filter(({ value, used }) => used > SHARE * value)
    .map(({ name, value, used }) => ({
      code: "NEAR_LIMIT",
      subject: name,
      sentence: `${percent(used / value)} of ${name} is in use: ${used} of ${value}.`,
      link: "#/",
    }));
