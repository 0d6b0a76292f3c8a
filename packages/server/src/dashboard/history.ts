import { METER_SERIES, Meters } from "./meters.ts";
import type { BoardCore, BoardPart } from "./part.ts";
import { MinuteSummary, SeriesRing } from "./rings.ts";
import type { Answer, History } from "./wire.ts";

const SECONDS_KEPT = 300;
const MINUTES_KEPT = 1440;
const SECONDS_A_MINUTE = 60;

/** The figures of the last 5 minutes by seconds, and of the last 24 hours by minutes. */
class FigureHistory {
  readonly #names: readonly string[];
  readonly #seconds: SeriesRing;
  readonly #minutes: readonly SeriesRing[];
  readonly #summary: MinuteSummary;
  #inMinute = 0;
  #secondAt = 0;
  #minuteAt = 0;

  constructor(names: readonly string[]) {
    this.#names = names;
    const { length } = names;
    this.#seconds = new SeriesRing(length, SECONDS_KEPT);
    this.#minutes = [0, 1, 2].map(() => new SeriesRing(length, MINUTES_KEPT));
    this.#summary = new MinuteSummary(length);
  }

  /** Adds the figures of a second. */
  push(now: number, row: readonly number[]): void {
    this.#seconds.push(row);
    this.#secondAt = now;
    this.#summary.add(row);
    this.#inMinute += 1;
    if (this.#inMinute < SECONDS_A_MINUTE) return;
    const { least, most, mean } = this.#summary.take();
    [least, most, mean].forEach((values, i) => this.#minutes[i]?.push(values));
    this.#minuteAt = now;
    this.#inMinute = 0;
  }

  /** Answers `history`: for a step of a minute, the least values of a series, then the greatest, then the means. */
  answer(names: readonly string[], step: "1s" | "1m"): Answer<History> {
    const indices = names.map((name) => this.#names.indexOf(name));
    if (indices.includes(-1)) return { error: "UNKNOWN" };
    const rings = step === "1s" ? [this.#seconds] : this.#minutes;
    const [at, every] = step === "1s" ? [this.#secondAt, 1000] : [this.#minuteAt, 60_000];
    const count = rings[0]?.size ?? 0;
    const values = new Float32Array(indices.length * rings.length * count);
    let offset = 0;
    for (const index of indices) {
      for (const ring of rings) {
        ring.copy(index, values, offset);
        offset += count;
      }
    }
    const from = count === 0 ? at : at - (count - 1) * every;
    return { from, step: every, count, values: Buffer.from(values.buffer) };
  }
}

/** The part that measures once a second, keeps the figures, and sends them to the pages. */
export function createHistory(core: BoardCore): BoardPart {
  const meters = new Meters(core);
  const history = new FigureHistory([...METER_SERIES.map(({ name }) => name), ...Object.keys(core.options.gauges)]);
  core.everySecond((now) => {
    const row = meters.read();
    history.push(now, row);
    core.showTick([now, ...row]);
  });
  return {
    series: METER_SERIES,
    answers: { history: (names, step) => history.answer(names, step) },
    start: () => meters.start(),
    stop: () => meters.stop(),
  };
}
