import { timeText } from "../sentences.ts";
import type { Rule } from "../snapshot.ts";

/** What this process shares with others is late. */
export const busLate: Rule = ({ cluster: { lag } }) =>
  lag === 0
    ? []
    : [
        {
          code: "BUS_LATE",
          subject: "bus",
          sentence: `Events take ${timeText(lag)} to come back from the bus of the cluster.`,
          link: "#/cluster",
        },
      ];

/** Another process of the cluster does not answer. */
export const nodeSilent: Rule = ({ cluster: { silent } }) =>
  silent.map((tag) => ({
    code: "NODE_SILENT",
    subject: tag,
    sentence: `The node ${tag} of the cluster does not answer.`,
    link: "#/cluster",
  }));
