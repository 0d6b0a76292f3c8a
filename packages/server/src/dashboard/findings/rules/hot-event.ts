import { milliseconds, nameOf, percent } from "../sentences.ts";
import type { Rule } from "../snapshot.ts";

const SHARE = 0.6;
/** The event loop is late, in milliseconds, or busy, as a share of the time: else nothing suffers. */
const LATE = 50;
const BUSY = 0.7;

/** The listeners of one event take most of the time of the event loop. */
export const hotEvent: Rule = ({ loop, handlers: [top] }) => {
  if (top === undefined || top.share <= SHARE || (loop.p99 < LATE && loop.busy < BUSY)) return [];
  const sentence =
    `The listeners of "${nameOf(top)}" take ${percent(Math.min(1, top.share))} of the time in which the event loop is busy, ` +
    `up to ${milliseconds(top.p99)} each.`;
  return [{ code: "HOT_EVENT", subject: nameOf(top), sentence, link: "#/events" }];
};
