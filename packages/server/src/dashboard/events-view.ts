import type { BoardCore, BoardPart } from "./part.ts";
import type { EventFigures, EventTable } from "./sampling/event-figures.ts";
import type { LogHistogram } from "./sampling/histogram.ts";
import { samplerOf } from "./sampling/shared.ts";
import type { EventRow, EventsView, Percentiles } from "./wire.ts";

/** Percentiles of a histogram whose values are `scale` times what is shown. */
function percentilesOf(histogram: LogHistogram | undefined, scale = 1): Percentiles | null {
  if (histogram === undefined || histogram.size === 0) return null;
  const at = (share: number): number => histogram.quantile(share) / scale;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

const NO_SIZES: Percentiles = { p50: 0, p95: 0, p99: 0 };
const MICROSECONDS = 1000;

function eventRow(direction: "in" | "out", figures: EventFigures, all: number): EventRow {
  const { namespace, name, count, bytes, sizes, handlerTimes, ackTimes, receivers, failures } = figures;
  return {
    direction,
    namespace,
    name,
    rate: count.rate,
    share: all === 0 ? 0 : count.rate / all,
    byteRate: bytes.rate,
    sizes: percentilesOf(sizes) ?? NO_SIZES,
    handler: percentilesOf(handlerTimes, MICROSECONDS),
    ack: percentilesOf(ackTimes, MICROSECONDS),
    receivers: percentilesOf(receivers),
    failures: failures.sum,
  };
}

function rowsOf(direction: "in" | "out", table: EventTable): EventRow[] {
  const all = table.all.rate;
  return table.rows().map((figures) => eventRow(direction, figures, all));
}

/** The part about events by name. */
export function createEvents(core: BoardCore): BoardPart {
  const shared = samplerOf(core);
  return {
    views: {
      events(): EventsView {
        const { sampler } = shared;
        const events = [...rowsOf("in", sampler.in), ...rowsOf("out", sampler.out)];
        return { events: events.sort((a, b) => b.rate - a.rate), stride: sampler.stride };
      },
    },
    start: () => shared.start(),
    stop: () => shared.stop(),
  };
}
