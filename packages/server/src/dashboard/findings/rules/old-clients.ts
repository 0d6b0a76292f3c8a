import { BARS } from "../bars.ts";
import { percent } from "../sentences.ts";
import type { Rule } from "../snapshot.ts";

/** Clients of Socket.IO 1 and 2 are connected. */
export const oldClients: Rule = ({ sessions: { open, old } }) => {
  if (old < BARS.oldClients.count || old / open < BARS.oldClients.share) return [];
  const sentence = `${old} of ${open} clients (${percent(old / open)}) speak revision 3, that of Socket.IO 1 and 2.`;
  return [{ code: "OLD_CLIENTS", subject: "revision 3", sentence, link: "#/connections?rev=3" }];
};
