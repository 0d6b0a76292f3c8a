import { BARS } from "../bars.ts";
import { amount } from "../sentences.ts";
import type { Rule, Sighting } from "../snapshot.ts";

/** Ping timeouts: those while this process was late, and those while it was not. */
export const timeouts: Rule = ({ timeouts: { ours, theirs }, sessions: { open }, lost }) => {
  const isMany = (count: number): boolean => count >= BARS.timeouts.count && count >= BARS.timeouts.share * open;
  const found: Sighting[] = [];
  const link = "#/ended";
  if (isMany(ours)) {
    const sentence = `${amount(ours, "client")} of the last minute timed out while the event loop of this process was late.`;
    found.push({ code: "TIMEOUTS_OURS", subject: "event loop", sentence, link });
  }
  if (isMany(theirs)) {
    const sentence = `${amount(theirs, "client")} of the last minute did not answer pings, while this process was on time.`;
    found.push({ code: "TIMEOUTS_THEIRS", subject: lost.network || "all networks", sentence, link });
  }
  return found;
};
