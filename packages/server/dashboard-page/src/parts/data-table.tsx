/*
 * A table that fits on the page: each row becomes a card where the page is narrow.
 * Knows: columns, and orders of rows.
 * Must not know: the content of a row.
 */
import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** The column can be ordered by this number, the largest first. */
  readonly order?: (row: Row) => number;
  readonly isNumber?: boolean;
}

interface DataTableProps<Row> {
  label: string;
  columns: ReadonlyArray<Column<Row>>;
  rows: readonly Row[];
  keyOf: (row: Row) => string;
  /** What stands in the place of rows. */
  none: string;
}

type Chosen = { readonly title: string; readonly sign: 1 | -1 } | undefined;

function ordered<Row>(rows: readonly Row[], columns: ReadonlyArray<Column<Row>>, chosen: Chosen): readonly Row[] {
  const order = columns.find(({ title }) => title === chosen?.title)?.order;
  if (chosen === undefined || order === undefined) return rows;
  return [...rows].sort((one, other) => chosen.sign * (order(one) - order(other)));
}

const sortOf = (chosen: Chosen, title: string): "none" | "ascending" | "descending" => {
  if (chosen?.title !== title) return "none";
  return chosen.sign === 1 ? "ascending" : "descending";
};

const ARROWS = { none: "", ascending: " ↑", descending: " ↓" };

interface HeadProps<Row> {
  column: Column<Row>;
  chosen: Chosen;
  choose: (chosen: Chosen) => void;
}

function Head<Row>({ column: { title, order, isNumber }, chosen, choose }: HeadProps<Row>): JSX.Element {
  const kind = isNumber === true ? "number" : "";
  if (order === undefined) {
    return (
      <th role="columnheader" scope="col" class={kind}>
        {title}
      </th>
    );
  }
  const sort = sortOf(chosen, title);
  return (
    <th role="columnheader" scope="col" class={kind} aria-sort={sort}>
      <button class="order" onClick={() => choose({ title, sign: sort === "descending" ? 1 : -1 })}>
        {title}
        <span aria-hidden="true">{ARROWS[sort]}</span>
      </button>
    </th>
  );
}

/** The roles are written out, as a narrow page changes the display of rows and cells. */
export function DataTable<Row>({ label, columns, rows, keyOf, none }: DataTableProps<Row>): JSX.Element {
  const [chosen, choose] = useState<Chosen>(undefined);
  if (rows.length === 0) return <p class="dim">{none}</p>;
  return (
    <table class="data" role="table" aria-label={label}>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map((column) => (
            <Head key={column.title} column={column} chosen={chosen} choose={choose} />
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {ordered(rows, columns, chosen).map((row) => (
          <tr role="row" key={keyOf(row)}>
            {columns.map(({ title, cell, isNumber }) => (
              <td role="cell" key={title} data-title={title} class={isNumber === true ? "number" : ""}>
                <div>{cell(row)}</div>
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
