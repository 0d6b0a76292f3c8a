import { BARS } from "../bars.ts";
import { timeText, eventText, percent } from "../sentences.ts";
import type { Rule } from "../snapshot.ts";

/** The event loop is late. Its subject is the event whose listeners take most of the time, if one does. */
export const loopLate: Rule = ({ loop, handlers: [top] }) => {
  if (loop.p99 <= BARS.loopLate.p99) return [];
  const isHandler = top !== undefined && top.share > BARS.loopLate.handlerShare;
  const share = top === undefined ? 0 : top.share;
  return [
    {
      code: "LOOP_LATE",
      subject: isHandler ? eventText(top) : "event loop",
      sentence:
        `One in a hundred turns of the event loop is ${timeText(loop.p99)} late: ${percent(loop.gc)} of the time is ` +
        `garbage collection, and ${percent(share * loop.busy)} the listeners of "${top === undefined ? "" : eventText(top)}".`,
    },
  ];
};
