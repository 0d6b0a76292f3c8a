import { amount, percent } from "../sentences.ts";
import type { Rule } from "../snapshot.ts";

/** Ends and opens in 30 s, at least, and as a share of the open sessions. */
const LEAST = 10;
const SHARE = 0.2;
/** The network that has most of the lost sessions is the subject. */
const MOSTLY = 0.7;

/** Many connections are lost and come back. */
export const reconnectStorm: Rule = ({ opened, lost, sessions: { open } }) => {
  const least = Math.max(LEAST, SHARE * open);
  if (lost.count < least || opened < least) return [];
  const isOne = lost.share >= MOSTLY && lost.network !== "";
  const where = isOne ? ` ${percent(lost.share)} of them belong to the network ${lost.network}.` : "";
  const sentence = `The network ended ${amount(lost.count, "connection")} in 30 seconds, and ${opened} were opened.${where}`;
  return [{ code: "RECONNECT_STORM", subject: isOne ? lost.network : "all networks", sentence, link: "#/ended" }];
};
