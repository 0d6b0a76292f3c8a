import { nameOf, percent } from "../sentences.ts";
import type { Rule } from "../snapshot.ts";

/** Acknowledgements in ten seconds, at least. */
const LEAST = 20;
const SHARE = 0.5;

/** Clients do not acknowledge an event. */
export const acksUnanswered: Rule = ({ acks }) =>
  acks
    .filter(({ awaited, unanswered }) => awaited >= LEAST && unanswered / awaited > SHARE)
    .map((row) => ({
      code: "ACKS_UNANSWERED",
      subject: nameOf(row),
      sentence: `${percent(row.unanswered / row.awaited)} of the acknowledgements of "${nameOf(row)}" did not come in 10 seconds.`,
      link: "#/events",
    }));
