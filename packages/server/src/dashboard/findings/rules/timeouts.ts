import { amount } from "../sentences.ts";
import type { Rule, Sighting } from "../snapshot.ts";

/** Timeouts of the last minute below which they are the usual loss of mobile clients, and their share of all sessions. */
const LEAST = 5;
const SHARE = 0.05;

/** Ping timeouts: those while this process was late, and those while it was not. */
export const timeouts: Rule = ({ timeouts: { ours, theirs }, sessions: { open }, lost }) => {
  const isMany = (count: number): boolean => count >= LEAST && count >= SHARE * open;
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
