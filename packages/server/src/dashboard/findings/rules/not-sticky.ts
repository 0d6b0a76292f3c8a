import { amount } from "../sentences.ts";
import type { Rule } from "../snapshot.ts";

const LEAST = 5;
/** Different seconds: a burst after a restart is over at once. */
const LEAST_SECONDS = 3;
/** Seconds at the start, when clients of an earlier process may still ask. */
const START = 20;

/** Requests come for sessions that this process never had: the balancer sends them to the wrong one. */
export const notSticky: Rule = ({ watched, strangers: { count, seconds } }) =>
  watched < START || count < LEAST || seconds < LEAST_SECONDS
    ? []
    : [
        {
          code: "NOT_STICKY",
          subject: "balancer",
          sentence: `${amount(count, "request")} of the last minute belonged to sessions that this process never had.`,
          link: "#/problems",
        },
      ];
