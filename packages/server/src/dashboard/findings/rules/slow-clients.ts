import { BARS } from "../bars.ts";
import { amount, bytes } from "../sentences.ts";
import type { Rule } from "../snapshot.ts";

/** Clients read more slowly than they are sent to. */
export const slowClients: Rule = ({ slow }) =>
  slow.slice(0, BARS.slowClients.named).map(({ who, bytes: queued, seconds }) => ({
    code: "SLOW_CLIENTS",
    subject: who,
    sentence:
      `${who} reads too slowly: ${bytes(queued)} are queued, for ${amount(seconds, "second")}. ` +
      `${amount(slow.length, "client")} in all.`,
    link: "#/connections?slow=yes",
  }));
