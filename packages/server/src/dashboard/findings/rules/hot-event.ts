import { BARS } from "../bars.ts";
import { timeText, eventText, percent } from "../sentences.ts";
import type { Rule } from "../snapshot.ts";

/** The listeners of one event take most of the time of the event loop. */
export const hotEvent: Rule = ({ loop, handlers: [top] }) => {
  if (
    top === undefined ||
    top.share <= BARS.hotEvent.share ||
    (loop.p99 < BARS.hotEvent.p99 && loop.busy < BARS.hotEvent.busy)
  )
    return [];
  const sentence =
    `The listeners of "${eventText(top)}" take ${percent(Math.min(1, top.share))} of the busy time of the event loop, ` +
    `up to ${timeText(top.p99)} each.`;
  return [{ code: "HOT_EVENT", subject: eventText(top), sentence, link: "#/events" }];
};
