import { BARS } from "../bars.ts";
import { amount, percent } from "../sentences.ts";
import type { Rule } from "../snapshot.ts";

/** One client sends a large share of what comes in. */
export const hotClient: Rule = ({ incoming: { rate, active, top } }) => {
  if (top === undefined || top.share <= BARS.hotClient.share || rate * top.share < BARS.hotClient.rate) return [];
  if (top.share * active < BARS.hotClient.timesTheMean || top.seconds < BARS.hotClient.seconds) return [];
  const sentence =
    `${top.who} sends ${percent(top.share)} of what comes in: ${Math.round(rate * top.share)} packets a second, ` +
    `where ${amount(active, "client")} send.`;
  return [{ code: "HOT_CLIENT", subject: top.who, sentence, link: `#/connection/${top.handle}` }];
};
