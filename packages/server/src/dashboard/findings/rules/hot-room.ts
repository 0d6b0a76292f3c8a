import { BARS } from "../bars.ts";
import { percent } from "../sentences.ts";
import type { Rule } from "../snapshot.ts";

/** One room has most of the deliveries. */
export const hotRoom: Rule = ({ deliveries: { rate, active, top } }) => {
  if (top === undefined || top.share <= BARS.hotRoom.share || rate < BARS.hotRoom.rate || active < BARS.hotRoom.rooms)
    return [];
  const sentence = `Room ${top.room} takes ${percent(top.share)} of ${Math.round(rate)} deliveries a second.`;
  return [{ code: "HOT_ROOM", subject: top.room, sentence, link: `#/rooms?nsp=${encodeURIComponent(top.namespace)}` }];
};
