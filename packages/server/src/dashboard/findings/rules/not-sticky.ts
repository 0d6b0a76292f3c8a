import { BARS } from "../bars.ts";
import { amount } from "../sentences.ts";
import type { Rule } from "../snapshot.ts";

/** Requests come for sessions that this process never had: the balancer sends them to the wrong one. */
export const notSticky: Rule = ({ watched, strangers: { count, seconds } }) =>
  watched < BARS.notSticky.start || count < BARS.notSticky.count || seconds < BARS.notSticky.seconds
    ? []
    : [
        {
          code: "NOT_STICKY",
          subject: "balancer",
          sentence: `${amount(count, "request")} of the last minute belonged to sessions that this process never had.`,
          link: "#/problems",
        },
      ];
