import { BARS } from "../bars.ts";
import { eventText, percent } from "../sentences.ts";
import type { Rule } from "../snapshot.ts";

/** Clients do not acknowledge an event. */
export const acksUnanswered: Rule = ({ acks }) =>
  acks
    .filter(
      ({ awaited, unanswered }) =>
        awaited >= BARS.acksUnanswered.count && unanswered / awaited > BARS.acksUnanswered.share,
    )
    .map((row) => ({
      code: "ACKS_UNANSWERED",
      subject: eventText(row),
      sentence: `${percent(row.unanswered / row.awaited)} of the acknowledgements of "${eventText(row)}" did not come in 10 seconds.`,
      link: "#/events",
    }));
