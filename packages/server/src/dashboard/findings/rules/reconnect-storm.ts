import { BARS } from "../bars.ts";
import { amount, percent } from "../sentences.ts";
import type { Rule } from "../snapshot.ts";

/** Many connections are lost and come back, not only once. */
export const reconnectStorm: Rule = ({ opened, lost, sessions: { open } }) => {
  const least = Math.max(BARS.reconnectStorm.count, BARS.reconnectStorm.share * open);
  if (lost.count < least || opened < least || lost.again < BARS.reconnectStorm.again * least) return [];
  const isOne = lost.share >= BARS.reconnectStorm.ofNetwork && lost.network !== "";
  const where = isOne ? ` ${percent(lost.share)} of them belong to the network ${lost.network}.` : "";
  const sentence = `The network ended ${amount(lost.count, "connection")} in 30 seconds, and ${opened} were opened.${where}`;
  return [{ code: "RECONNECT_STORM", subject: isOne ? lost.network : "all networks", sentence, link: "#/ended" }];
};
