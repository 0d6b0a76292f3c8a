import { BARS } from "../bars.ts";
import { percent } from "../sentences.ts";
import type { BusyRoom, Rule } from "../snapshot.ts";

/** Whether a room has more traffic than comes of its size. */
function isHot({ share, receivers, timesTheOthers, members }: BusyRoom): boolean {
  const bars = BARS.hotRoom;
  if (share <= bars.share || receivers < bars.receivers) return false;
  return timesTheOthers >= (members >= bars.members ? bars.timesOfAll : bars.timesTheOthers);
}

/** One room has most of the deliveries. */
export const hotRoom: Rule = ({ deliveries: { rate, active, top } }) => {
  if (top === undefined || rate < BARS.hotRoom.rate || active < BARS.hotRoom.rooms || !isHot(top)) return [];
  const sentence = `Room ${top.room} takes ${percent(top.share)} of ${Math.round(rate)} deliveries a second.`;
  return [{ code: "HOT_ROOM", subject: top.room, sentence, link: `#/rooms?nsp=${encodeURIComponent(top.namespace)}` }];
};
