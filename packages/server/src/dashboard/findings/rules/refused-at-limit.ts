import { amount } from "../sentences.ts";
import type { Rule } from "../snapshot.ts";

/** Clients are refused because a limit is reached. */
export const refusedAtLimit: Rule = ({ refused }) =>
  refused.map(({ option, count }) => ({
    code: "REFUSED_AT_LIMIT",
    subject: option,
    sentence: `${amount(count, "client")} of the last 30 seconds met the limit ${option} and were refused.`,
    link: "#/problems",
  }));
