/*
 * Events by name: rates, sizes, times.
 * Knows: the view of events on the wire.
 * Must not know: how they are sampled.
 */
import type { JSX } from "preact";
import type { EventRow, EventsView, Percentiles, Unit } from "../../../src/dashboard/wire.ts";
import { formatCount, formatRate, formatShare, formatValue, NONE } from "../format.ts";
import { useView } from "../page.tsx";
import { DataTable, type Column } from "../parts/data-table.tsx";
import { Answered } from "../parts/notice.tsx";
import { Mark, Panel } from "../parts/panel.tsx";

/** Writes three percentiles in one cell: the title of the column says which they are. */
function Three({ of, unit }: { of: Percentiles | null; unit: Unit }): JSX.Element {
  if (of === null) return <span class="dim">{NONE}</span>;
  return (
    <span class="three">
      {[of.p50, of.p95, of.p99].map((value, index) => (
        <span key={index}>{formatValue(unit === "count" ? Math.round(value) : value, unit)}</span>
      ))}
    </span>
  );
}

const three = (title: string, unit: Unit, of: (row: EventRow) => Percentiles | null): Column<EventRow> => ({
  title,
  cell: (row) => <Three of={of(row)} unit={unit} />,
  order: (row) => of(row)?.p99 ?? -1,
  isNumber: true,
});

const COMMON: ReadonlyArray<Column<EventRow>> = [
  {
    title: "Event",
    cell: ({ name, namespace }) => (
      <>
        <b>{name}</b> {namespace !== "/" && <span class="dim">{namespace}</span>}
      </>
    ),
  },
  { title: "Rate", cell: ({ rate }) => formatRate(rate), order: ({ rate }) => rate, isNumber: true },
  { title: "Share", cell: ({ share }) => formatShare(share), order: ({ share }) => share, isNumber: true },
  {
    title: "Bytes",
    cell: ({ byteRate }) => formatValue(byteRate, "byteRate"),
    order: ({ byteRate }) => byteRate,
    isNumber: true,
  },
  three("Size", "bytes", ({ sizes }) => sizes),
];

const ACK = three("Until acknowledged", "ms", ({ ack }) => ack);

const COLUMNS: Record<EventRow["direction"], ReadonlyArray<Column<EventRow>>> = {
  in: [
    ...COMMON,
    three("In the listener", "ms", ({ handler }) => handler),
    ACK,
    {
      title: "Failures",
      cell: ({ failures }) => (failures === 0 ? NONE : <Mark tone="bad">{formatCount(failures)}</Mark>),
      order: ({ failures }) => failures,
      isNumber: true,
    },
  ],
  out: [...COMMON, three("Receivers", "count", ({ receivers }) => receivers), ACK],
};

const TITLES = { in: "From clients", out: "To clients" };

function Tables({ view: { events, stride } }: { view: EventsView }): JSX.Element {
  return (
    <>
      <p class="dim">
        {stride <= 1
          ? "Every packet was looked at."
          : `1 in ${formatCount(stride)} packets was looked at; rates are estimates.`}{" "}
        Three numbers in a cell are the 50th, 95th and 99th percentile.
      </p>
      {(["in", "out"] as const).map((direction) => (
        <Panel key={direction} title={TITLES[direction]}>
          <DataTable
            label={`Events ${TITLES[direction].toLowerCase()}`}
            columns={COLUMNS[direction]}
            rows={events.filter((row) => row.direction === direction)}
            keyOf={({ namespace, name }) => `${namespace} ${name}`}
            none="None in the last seconds."
          />
        </Panel>
      ))}
    </>
  );
}

export function Events(): JSX.Element {
  const answer = useView("events");
  return (
    <>
      <h1>Events</h1>
      <Answered answer={answer}>{(view) => <Tables view={view} />}</Answered>
    </>
  );
}
