import { isNormalEnd } from "../engine/index.ts";
import { adviceFor } from "../socketio/report/advice.ts";
import { limitsInForce } from "./limits.ts";
import { currentReport } from "./meters.ts";
import type { BoardCore, BoardPart } from "./part.ts";
import { EntryRing } from "./rings.ts";
import type { EndCount, OverviewView } from "./wire.ts";

/** Seconds between two copies of the counters of ends, and how many are kept: 5 minutes. */
const COPY_EVERY = 10;
const COPIES = 30;

type EndCounts = Readonly<Record<string, number | undefined>>;

/** The part that answers for what the overview shows beside figures and findings. */
export function createOverview(core: BoardCore): BoardPart {
  const copies = new EntryRing<EndCounts>(COPIES);
  let seconds = 0;
  const ends = (): EndCounts => currentReport(core)?.sessions.closed ?? {};
  core.everySecond(() => {
    if (seconds % COPY_EVERY === 0) copies.push(ends());
    seconds += 1;
  });
  const look = (): OverviewView => {
    const now = ends();
    const then = [...copies.newest()].at(-1) ?? {};
    return { ends: Object.keys(now).map((code) => countOf(code, now, then)), limits: limitsInForce(core) };
  };
  return { views: { overview: look }, stop: () => copies.clear() };
}

function countOf(code: string, now: EndCounts, then: EndCounts): EndCount {
  const total = now[code] ?? 0;
  const recent = Math.max(0, total - (then[code] ?? 0));
  return { code, ...adviceFor("end", code), abnormal: !isNormalEnd(code), total, recent };
}
