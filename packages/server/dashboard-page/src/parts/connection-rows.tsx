/*
 * Rows of connections, as the table of all and the members of a room show them.
 * Knows: columns, and how rows are asked for.
 * Must not know: which connections they are.
 */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import type { ConnectionRow, PageQuestion } from "../../../src/dashboard/wire.ts";
import { formatBytes, formatCount, formatMilliseconds, formatRate, formatSpan, NONE, plural } from "../format.ts";
import type { PagedView } from "../live.ts";
import { useLive, useNow } from "../page.tsx";
import { Pager } from "../pager.ts";
import { routeTo } from "../route.ts";
import { useStore } from "../store.ts";
import type { Span } from "../windowing.ts";
import { LongTable, type LongColumn } from "./long-table.tsx";
import { Notice, sentenceOf } from "./notice.tsx";
import { Mark } from "./panel.tsx";

const REFRESH = 2_000;
/** Rows of an order other than the natural one. */
const FIRST = 1_000;

/** What a table asks for. */
export type Question = Pick<PageQuestion, "order" | "descending" | "filter" | "node">;

const STATES = { open: null, closing: <Mark>closing</Mark>, adrift: <Mark tone="warn">adrift</Mark> };

function Transport({ row }: { row: ConnectionRow }): JSX.Element {
  return (
    <>
      {row.transport}
      {row.revision === 3 && <span class="dim"> rev. 3</span>} {row.stuck && <Mark tone="warn">stuck</Mark>}{" "}
      {STATES[row.state]}
    </>
  );
}

function Queue({ row, now }: { row: ConnectionRow; now: number }): JSX.Element {
  if (row.slowSince === null) return <>{row.queued === 0 ? NONE : formatBytes(row.queued)}</>;
  return (
    <>
      {formatBytes(row.queued)} <Mark tone="warn">slow {formatSpan(now - row.slowSince, 1)}</Mark>
    </>
  );
}

const rateOf = (value: number): string => (value === 0 ? NONE : formatRate(value));

const column = (
  title: string,
  least: number,
  cell: (row: ConnectionRow) => ComponentChildren,
  order?: string,
): LongColumn<ConnectionRow> => ({
  title,
  width: `minmax(${least}rem, ${least / 5}fr)`,
  cell,
  isNumber: true,
  ...(order !== undefined && { order }),
});

const columnsAt = (now: number): ReadonlyArray<LongColumn<ConnectionRow>> => [
  {
    title: "Connection",
    width: "minmax(8rem, 2fr)",
    narrow: "minmax(0, 1.2fr)",
    cell: ({ label, handle }) => (label === "" ? <code>{handle}</code> : label),
  },
  {
    title: "Transport",
    width: "minmax(10rem, 1.9fr)",
    narrow: "minmax(0, 1.9fr)",
    cell: (row) => <Transport row={row} />,
  },
  { title: "Address", width: "minmax(7.5rem, 1.4fr)", cell: ({ address }) => address },
  { ...column("Age", 3.4, ({ age }) => formatSpan(age, 1), "age"), narrow: "3.4rem" },
  { ...column("Round trip", 5.3, ({ rtt }) => (rtt === null ? NONE : formatMilliseconds(rtt)), "rtt"), isMiddle: true },
  { ...column("Queue", 9.5, (row) => <Queue row={row} now={now} />, "queued"), isMiddle: true },
  column("Dropped", 4.6, ({ dropped }) => (dropped === 0 ? NONE : formatCount(dropped)), "dropped"),
  column("Sockets", 4, ({ sockets }) => formatCount(sockets)),
  column("Rooms", 3.8, ({ rooms }) => formatCount(rooms), "rooms"),
  column("In", 4, (row) => rateOf(row.in), "in"),
  column("Out", 4, (row) => rateOf(row.out), "out"),
];

/** Asks for rows, anew whenever the question changes, and again every 2 s while the page is shown. */
function usePager(view: PagedView, question: Question): Pager<ConnectionRow> {
  const live = useLive();
  const phase = useStore(live.phase);
  const [, redraw] = useState(0);
  const key = JSON.stringify(question);
  const pager = useMemo(
    () =>
      new Pager<ConnectionRow>(
        (from, count) => live.page(view, { ...(JSON.parse(key) as Question), from, count }),
        () => redraw((count) => count + 1),
      ),
    [live, view, key],
  );
  useEffect(() => {
    if (phase !== "live") return undefined;
    pager.refresh();
    const timer = setInterval(() => !document.hidden && pager.refresh(), REFRESH);
    return () => clearInterval(timer);
  }, [pager, phase]);
  useEffect(() => () => pager.stop(), [pager]);
  return pager;
}

function countSentence({ total = 0, exact }: Pager<ConnectionRow>, filter: string): string {
  const matching = `${plural(total, "connection")}${filter === "" ? "" : ` ${total === 1 ? "matches" : "match"}`}`;
  return exact || total <= FIRST ? `${matching}.` : `${matching}; this order shows the first ${formatCount(FIRST)}.`;
}

interface ConnectionRowsProps {
  view: PagedView;
  label: string;
  question: Question;
  onOrder?: (name: string) => void;
  /** Gets the number of rows that match. */
  onTotal?: (total: number) => void;
}

export function ConnectionRows({ view, label, question, onOrder, onTotal }: ConnectionRowsProps): JSX.Element {
  const pager = usePager(view, question);
  const now = useNow();
  const onSpan = useMemo(() => (span: Span) => pager.want(span), [pager]);
  const { total } = pager;
  useEffect(() => {
    if (total !== undefined) onTotal?.(total);
  }, [total, onTotal]);
  if (pager.refusal !== undefined && total === undefined) return <Notice>{sentenceOf(pager.refusal)}</Notice>;
  if (total === undefined) return <Notice>Asking the server…</Notice>;
  return (
    <>
      <p class="dim" role="status">
        {countSentence(pager, question.filter)}
      </p>
      {total === 0 ? null : (
        <LongTable
          key={`${question.order} ${question.filter}`}
          label={label}
          columns={columnsAt(now)}
          total={pager.exact ? total : Math.min(total, FIRST)}
          rowAt={(index) => pager.rowAt(index)}
          handleOf={({ handle }) => handle}
          linkTo={({ handle }) => routeTo("connection", {}, handle)}
          onSpan={onSpan}
          order={{ name: question.order, isDescending: question.descending }}
          onOrder={onOrder}
        />
      )}
    </>
  );
}
