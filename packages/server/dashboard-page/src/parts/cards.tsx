/*
 * The cards of the overview: which figures belong together.
 * Knows: names of series.
 * Must not know: how they are counted.
 */
import type { JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { Hello } from "../../../src/dashboard/wire.ts";
import { newest, type Lines } from "../figures.ts";
import { formatValue } from "../format.ts";
import { useHello, useLive } from "../page.tsx";
import { useStore } from "../store.ts";
import { Chart, ChartTable, sentenceOfLine, Sparkline, type Drawn } from "./chart.tsx";

interface Card {
  readonly title: string;
  /** Names of series with their short labels. The first is the large figure and the line; its unit is drawn as well. */
  readonly series: Readonly<Record<string, string>>;
}

const CARDS: readonly Card[] = [
  { title: "Connections", series: { connections: "", polling: "on polling" } },
  { title: "Opens and ends", series: { opens: "opens", ends: "ends", refusals: "refused" } },
  { title: "Packets", series: { "events.in": "in", "events.out": "out" } },
  { title: "Bytes", series: { "bytes.in": "in", "bytes.out": "out" } },
  { title: "Waiting to be sent", series: { waiting: "", slow: "slow readers" } },
  { title: "Event loop", series: { "loop.p99": "late, p99", "loop.p50": "median", "loop.busy": "busy" } },
  { title: "Heap", series: { heap: "", gc: "in GC" } },
  { title: "Round trip", series: { "rtt.p50": "median", "rtt.p99": "p99" } },
];
const SHORT: Readonly<Record<string, string>> = Object.assign({}, ...CARDS.map(({ series }) => series));

export type Range = "5min" | "24h";
const SPANS: Record<Range, string> = { "5min": "the last 5 minutes", "24h": "the last 24 hours" };

interface FilledCard {
  readonly title: string;
  readonly drawn: readonly Drawn[];
}

/** Returns the cards that the server has figures for, then one for each figure that no card names. */
function cardsOf({ series, gauges }: Hello): FilledCard[] {
  const known = new Map(series.map((each) => [each.name, each]));
  const filled = CARDS.map(({ title, series: names }) => ({
    title,
    drawn: Object.keys(names).flatMap((name) => known.get(name) ?? []),
  }));
  const others = series
    .filter(({ name }) => !Object.hasOwn(SHORT, name))
    .map((each) => ({ title: each.label, drawn: [each] }));
  const own = gauges.map((name) => ({ title: name, drawn: [{ name, label: name, unit: "count" as const }] }));
  return [...filled.filter(({ drawn }) => drawn.length > 0), ...own, ...others];
}

interface FigureCardProps {
  card: FilledCard;
  lines: Lines;
  /** The figures of now, whichever range is drawn. */
  current: Lines;
  isOpen: boolean;
  toggle: () => void;
  span: string;
}

function FigureCard({ card: { title, drawn }, lines, current, isOpen, toggle, span }: FigureCardProps): JSX.Element {
  const id = useId();
  const [first, ...others] = drawn;
  const sameUnit = drawn.filter(({ unit }) => unit === first!.unit).slice(0, 2);
  const shown = sameUnit.map(({ name }) => lines.values.get(name) ?? []);
  const value = (each: Drawn) => formatValue(newest(current, each.name), each.unit);
  return (
    <article class="card" aria-labelledby={id}>
      <h3 id={id}>{title}</h3>
      <p class="large">
        {value(first!)} <small>{SHORT[first!.name]}</small>
      </p>
      <p class="others">
        {others.map((each) => (
          <span key={each.name}>
            {SHORT[each.name]} <b>{value(each)}</b>
          </span>
        ))}
      </p>
      <Sparkline lines={shown} />
      <p class="hidden">{sentenceOfLine(first!, lines.values.get(first!.name) ?? [], span)}</p>
      <button
        class="quiet"
        aria-expanded={isOpen}
        aria-label={`${isOpen ? "Close chart" : "Chart"} of ${title}`}
        onClick={toggle}
      >
        <span>{isOpen ? "Close" : "Chart"}</span>
      </button>
    </article>
  );
}

function OpenChart({ card: { title, drawn }, lines, span }: { card: FilledCard; lines: Lines; span: string }) {
  const sentences = drawn.map((each) => sentenceOfLine(each, lines.values.get(each.name) ?? [], span));
  return (
    <div class="open-chart">
      <h3>{title}</h3>
      <ul class="legend">
        {sentences.map((sentence, index) => (
          <li key={drawn[index]!.name} class={`line-${index}`}>
            {sentence}
          </li>
        ))}
      </ul>
      <Chart lines={lines} drawn={drawn.slice(0, 3)} label={`Chart of ${title}. ${sentences.join(" ")}`} />
      <ChartTable lines={lines} drawn={drawn} label={`Figures of ${title}`} />
    </div>
  );
}

function Ranges({ range, choose }: { range: Range; choose: (range: Range) => void }): JSX.Element {
  return (
    <div class="ranges" role="group" aria-label="Range of the charts">
      {(["5min", "24h"] as const).map((each) => (
        <button key={each} class="pill" aria-pressed={each === range} onClick={() => choose(each)}>
          {each === "5min" ? "5 min" : "24 h"}
        </button>
      ))}
    </div>
  );
}

/** The figures of the server: a card each, with a chart on request. */
export function Cards(): JSX.Element {
  const live = useLive();
  const hello = useHello();
  const seconds = useStore(live.seconds);
  const minutes = useStore(live.minutes);
  const [range, setRange] = useState<Range>("5min");
  const [open, setOpen] = useState<string | undefined>(undefined);
  useEffect(() => (range === "24h" ? live.followMinutes() : undefined), [live, range, hello]);
  const lines = range === "24h" ? minutes : seconds;
  const cards = cardsOf(hello);
  const opened = cards.find(({ title }) => title === open);
  const panel = useRef<HTMLElement>(null);
  useEffect(() => panel.current?.scrollIntoView({ block: "nearest" }), [open]);
  return (
    <section class="figures-now" aria-labelledby="figures-title">
      <header class="panel-head">
        <h2 id="figures-title">Figures</h2>
        <Ranges range={range} choose={setRange} />
      </header>
      <div class="cards">
        {cards.map((card) => (
          <FigureCard
            key={card.title}
            card={card}
            lines={lines}
            current={seconds}
            isOpen={card.title === open}
            toggle={() => setOpen(card.title === open ? undefined : card.title)}
            span={SPANS[range]}
          />
        ))}
      </div>
      {opened !== undefined && (
        <section ref={panel} class="panel" aria-label={`Chart of ${opened.title}`}>
          <OpenChart card={opened} lines={lines} span={SPANS[range]} />
        </section>
      )}
    </section>
  );
}
