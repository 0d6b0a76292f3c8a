import { amount, percent } from "../sentences.ts";
import type { Rule } from "../snapshot.ts";

const SHARE = 0.25;
/** Packets a second of this client below which it does not matter. */
const LEAST_RATE = 50;
/** How many times as much as the mean of all clients that send. */
const TIMES_THE_MEAN = 4;

/** One client sends a large share of what comes in. */
export const hotClient: Rule = ({ incoming: { rate, active, top } }) => {
  if (top === undefined || top.share <= SHARE || rate * top.share < LEAST_RATE) return [];
  if (top.share * active < TIMES_THE_MEAN) return [];
  const sentence =
    `${top.who} sends ${percent(top.share)} of what comes in: ${Math.round(rate * top.share)} packets a second, ` +
    `where ${amount(active, "client")} send.`;
  return [{ code: "HOT_CLIENT", subject: top.who, sentence, link: `#/connection/${top.handle}` }];
};
