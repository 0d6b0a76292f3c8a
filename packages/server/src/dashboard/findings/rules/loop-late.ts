import { BARS } from "../bars.ts";
import { timeText, eventText, percent } from "../sentences.ts";
import type { Rule } from "../snapshot.ts";
import { isOwnDelay } from "./own-delay.ts";

/**
 * The event loop is late. Its subject is the event whose listeners take most of the time, if one does. Rare stalls count only
 * then: a busy neighbour on the machine causes them too.
 */
export const loopLate: Rule = (snapshot) => {
  const { loop } = snapshot;
  const [top] = snapshot.handlers;
  const isHandler = top !== undefined && top.share > BARS.loopLate.handlerShare;
  const isSteady = isOwnDelay(snapshot, BARS.loopLate.p99);
  if (!isSteady && !(isHandler && loop.stalls > BARS.loopLate.stalls)) return [];
  const share = top === undefined ? 0 : top.share;
  const late = isSteady
    ? `One in a hundred turns of the event loop is ${timeText(loop.p99)} late`
    : `The event loop stands still for ${timeText(loop.stalls)} again and again`;
  return [
    {
      code: "LOOP_LATE",
      subject: isHandler ? eventText(top) : "event loop",
      sentence:
        `${late}: ${percent(loop.gc)} of the time is garbage collection, and ${percent(share * loop.busy)} the listeners ` +
        `of "${top === undefined ? "" : eventText(top)}".`,
    },
  ];
};
