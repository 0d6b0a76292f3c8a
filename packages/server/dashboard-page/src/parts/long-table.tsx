/*
 * A table of any length: only the rows in its window are in the document.
 * Knows: the height of a row, scrolling, and the keys that move through rows.
 * Must not know: the content of a row, and where it comes from.
 */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { drawnRows, ROW_HEIGHT, rowAfterKey, scrollFor, visibleRows, type Span } from "../windowing.ts";

export interface LongColumn<Row> {
  readonly title: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** As `grid-template-columns` takes it. */
  readonly width: string;
  readonly isNumber?: boolean;
  /** Its width where the page is narrow; absent: it is left out there. */
  readonly narrow?: string;
  /** It is there on a page of middle width as well, as are columns for narrow pages. */
  readonly isMiddle?: boolean;
  /** The order that its title asks for. */
  readonly order?: string;
}

interface LongTableProps<Row> {
  label: string;
  columns: ReadonlyArray<LongColumn<Row>>;
  total: number;
  rowAt: (index: number) => Row | undefined;
  handleOf: (row: Row) => string;
  /** The address that a row leads to. */
  linkTo: (row: Row) => string;
  /** Rows that are in the window have changed. */
  onSpan?: (span: Span) => void;
  order?: { readonly name: string; readonly isDescending: boolean };
  onOrder?: (name: string) => void;
}

const HEIGHT = 560;

/** The class of a column that is left out on some pages. */
function presenceOf<Row>({ narrow, isMiddle }: LongColumn<Row>): "always" | "middle" | "wide" {
  if (narrow !== undefined) return "always";
  return isMiddle === true ? "middle" : "wide";
}

const kindOf = <Row,>(column: LongColumn<Row>): string =>
  `${column.isNumber === true ? "number" : ""} ${presenceOf(column)}`;

/** Widths of columns on wide, middle and narrow pages. */
const widthsOf = <Row,>(columns: ReadonlyArray<LongColumn<Row>>): Record<string, string> => {
  const middle = columns.filter((column) => presenceOf(column) !== "wide");
  return {
    "--wide": columns.map(({ width }) => width).join(" "),
    "--middle": middle.map(({ width }) => width).join(" "),
    "--narrow": columns.map(({ narrow }) => narrow ?? "").join(" "),
  };
};

type HeadsProps<Row> = Pick<LongTableProps<Row>, "columns" | "order" | "onOrder">;

function Heads<Row>({ columns, order, onOrder }: HeadsProps<Row>): JSX.Element {
  const sortOf = (name: string | undefined) => {
    if (name === undefined || onOrder === undefined) return undefined;
    if (order?.name !== name) return "none";
    return order.isDescending ? "descending" : "ascending";
  };
  return (
    <div role="row" aria-rowindex={1} class="long-row long-head">
      {columns.map((column) => (
        <div role="columnheader" key={column.title} class={kindOf(column)} aria-sort={sortOf(column.order)}>
          {column.order === undefined || onOrder === undefined ? (
            column.title
          ) : (
            <button class="order" onClick={() => onOrder(column.order!)}>
              {column.title}
              <span aria-hidden="true">
                {{ ascending: " ↑", descending: " ↓", none: "" }[sortOf(column.order) ?? "none"]}
              </span>
            </button>
          )}
        </div>
      ))}
    </div>
  );
}

interface RowProps<Row> {
  row: Row | undefined;
  index: number;
  isActive: boolean;
  table: LongTableProps<Row>;
}

function LongRow<Row>({ row, index, isActive, table }: RowProps<Row>): JSX.Element {
  const place = { transform: `translateY(${index * ROW_HEIGHT}px)` };
  if (row === undefined) {
    return (
      <div role="row" aria-rowindex={index + 2} class="long-row waiting" style={place}>
        <div role="cell">…</div>
      </div>
    );
  }
  const [first, ...others] = table.columns;
  const handle = table.handleOf(row);
  return (
    <div role="row" aria-rowindex={index + 2} class="long-row" style={place} data-handle={handle}>
      <div role="cell" class={kindOf(first!)}>
        <a href={table.linkTo(row)} data-index={index} tabIndex={isActive ? 0 : -1}>
          {first!.cell(row)}
        </a>
      </div>
      {others.map((column) => (
        <div role="cell" key={column.title} class={kindOf(column)}>
          {column.cell(row)}
        </div>
      ))}
    </div>
  );
}

/** Follows the scrolling of an element. */
function useScroll(): {
  ref: { current: HTMLDivElement | null };
  scrollTop: number;
  height: number;
  onScroll: () => void;
} {
  const ref = useRef<HTMLDivElement>(null);
  const [{ scrollTop, height }, setPlace] = useState({ scrollTop: 0, height: HEIGHT });
  const onScroll = () =>
    ref.current !== null && setPlace({ scrollTop: ref.current.scrollTop, height: ref.current.clientHeight });
  useEffect(() => {
    const observer = new ResizeObserver(onScroll);
    observer.observe(ref.current!);
    return () => observer.disconnect();
  }, []);
  return { ref, scrollTop, height, onScroll };
}

export function LongTable<Row>(table: LongTableProps<Row>): JSX.Element {
  const total = drawnRows(table.total);
  const { ref, scrollTop, height, onScroll } = useScroll();
  const [active, setActive] = useState(0);
  const wanted = useRef<number | undefined>(undefined);
  const span = visibleRows(scrollTop, height - ROW_HEIGHT, total);
  useEffect(() => table.onSpan?.(span), [span.from, span.to, table.onSpan]);
  useLayoutEffect(() => {
    if (wanted.current === undefined) return;
    const link = ref.current?.querySelector<HTMLElement>(`[data-index="${wanted.current}"]`);
    if (link === undefined || link === null) return;
    wanted.current = undefined;
    link.focus({ preventScroll: true });
  });
  const onKeyDown = (event: KeyboardEvent): void => {
    const next = rowAfterKey(event.key, active, height - ROW_HEIGHT, total);
    if (next === undefined || !(event.target as HTMLElement).matches("[data-index], .long")) return;
    event.preventDefault();
    wanted.current = next;
    setActive(next);
    const scroll = scrollFor(next, ref.current!.scrollTop, height - ROW_HEIGHT);
    if (scroll !== undefined) ref.current!.scrollTop = scroll;
  };
  const onFocus = (event: FocusEvent): void => {
    const index = (event.target as HTMLElement).dataset["index"];
    if (index !== undefined) setActive(Number(index));
  };
  const isShown = active >= span.from && active < span.to;
  const indexes = Array.from({ length: span.to - span.from }, (_, offset) => span.from + offset);
  return (
    <div
      ref={ref}
      class="long"
      role="table"
      aria-label={table.label}
      aria-rowcount={total + 1}
      tabIndex={isShown && total > 0 ? -1 : 0}
      style={widthsOf(table.columns)}
      onScroll={onScroll}
      onKeyDown={onKeyDown}
      onFocusCapture={onFocus}
    >
      <div role="rowgroup" class="long-heads">
        <Heads {...table} />
      </div>
      <div role="rowgroup" class="long-rows" style={{ height: `${total * ROW_HEIGHT}px` }}>
        {indexes.map((index) => (
          <LongRow key={index} index={index} row={table.rowAt(index)} isActive={index === active} table={table} />
        ))}
      </div>
    </div>
  );
}
