import type { BoardCore, BoardPart } from "../part.ts";
import { samplerOf } from "../sampling/shared.ts";
import type { Finding } from "../wire.ts";
import { Collector } from "./collector.ts";
import { FINDING_RULES } from "./rules/index.ts";
import { FindingWatch } from "./watch.ts";

/** Seconds after which figures in sentences are sent again. */
const REFRESH_SECONDS = 5;

const findingKeys = (findings: readonly Finding[]): string =>
  findings.map(({ code, subject, since }) => `${code} ${subject} ${since}`).join("\n");

/** Looks for faults once a second, and shows them to the pages. */
export function createFindings(core: BoardCore): BoardPart {
  const shared = samplerOf(core);
  const collector = new Collector(core, shared.sampler);
  const watch = new FindingWatch();
  let shown: readonly Finding[] = [];
  let isRunning = false;
  let ticks = 0;
  return {
    start() {
      shared.start();
      collector.start();
      isRunning = true;
      core.everySecond((now) => {
        if (!isRunning) return;
        const snapshot = collector.turn();
        if (snapshot === undefined) return;
        const findings = watch.update(
          now,
          FINDING_RULES.flatMap((rule) => rule(snapshot)),
        );
        ticks += 1;
        if (findingKeys(findings) === findingKeys(shown) && (findings.length === 0 || ticks % REFRESH_SECONDS !== 0))
          return;
        shown = findings;
        core.showFindings(findings);
      });
    },
    stop() {
      isRunning = false;
      collector.stop();
      shared.stop();
    },
  };
}
