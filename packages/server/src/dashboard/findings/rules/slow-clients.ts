import { amount, bytes } from "../sentences.ts";
import type { Rule } from "../snapshot.ts";

/** Slow clients that are named one by one. */
const NAMED = 3;

/** Clients read more slowly than they are sent to. */
export const slowClients: Rule = ({ slow }) =>
  slow.slice(0, NAMED).map(({ who, bytes: queued, seconds }) => ({
    code: "SLOW_CLIENTS",
    subject: who,
    sentence:
      `${who} reads too slowly: ${bytes(queued)} are queued, for ${amount(seconds, "second")}. ` +
      `${amount(slow.length, "client")} in all.`,
    link: "#/connections?slow=yes",
  }));
