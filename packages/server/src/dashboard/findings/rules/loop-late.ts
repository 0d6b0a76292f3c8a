import { milliseconds, nameOf, percent } from "../sentences.ts";
import type { Rule } from "../snapshot.ts";

/** Milliseconds. */
const LATE = 100;

/** The event loop is late. Its subject is the event whose listeners take most of the time, if one does. */
export const loopLate: Rule = ({ loop, handlers: [top] }) => {
  if (loop.p99 <= LATE) return [];
  const isHandler = top !== undefined && top.share > 0.5;
  const share = top === undefined ? 0 : top.share;
  return [
    {
      code: "LOOP_LATE",
      subject: isHandler ? nameOf(top) : "event loop",
      sentence:
        `One in a hundred turns of the event loop is ${milliseconds(loop.p99)} late: ${percent(loop.gc)} of the time is ` +
        `garbage collection, and ${percent(share * loop.busy)} the listeners of "${top === undefined ? "" : nameOf(top)}".`,
    },
  ];
};
