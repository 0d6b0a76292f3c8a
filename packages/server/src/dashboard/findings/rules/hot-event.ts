import { BARS } from "../bars.ts";
import { timeText, eventText, percent } from "../sentences.ts";
import type { Rule } from "../snapshot.ts";
import { isOwnDelay } from "./own-delay.ts";

/** The listeners of one event take most of the time of the event loop. */
export const hotEvent: Rule = (snapshot) => {
  const [top] = snapshot.handlers;
  if (top === undefined || top.share <= BARS.hotEvent.share) return [];
  const { busy, worked, crowded } = snapshot.loop;
  const isBusy = (crowded > BARS.crowded ? worked : busy) >= BARS.hotEvent.busy;
  if (!isBusy && !isOwnDelay(snapshot, BARS.hotEvent.p99)) return [];
  const sentence =
    `The listeners of "${eventText(top)}" take ${percent(Math.min(1, top.share))} of the busy time of the event loop, ` +
    `up to ${timeText(top.p99)} each.`;
  return [{ code: "HOT_EVENT", subject: eventText(top), sentence, link: "#/events" }];
};
