import { percent } from "../sentences.ts";
import type { Rule } from "../snapshot.ts";

const SHARE = 0.5;
/** Deliveries a second below which a share says nothing. */
const LEAST_RATE = 200;
/** With fewer rooms, one of them has most of the traffic by nature. */
const LEAST_ROOMS = 3;

/** One room has most of the deliveries. */
export const hotRoom: Rule = ({ deliveries: { rate, active, top } }) => {
  if (top === undefined || top.share <= SHARE || rate < LEAST_RATE || active < LEAST_ROOMS) return [];
  const sentence = `Room ${top.room} takes ${percent(top.share)} of ${Math.round(rate)} deliveries a second.`;
  return [{ code: "HOT_ROOM", subject: top.room, sentence, link: `#/rooms?nsp=${encodeURIComponent(top.namespace)}` }];
};
