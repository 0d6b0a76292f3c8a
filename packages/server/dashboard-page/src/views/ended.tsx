/*
 * Connections that have ended, and why.
 * Knows: records of ends.
 * Must not know: open connections.
 */
import type { JSX } from "preact";
import { useId, useState } from "preact/hooks";
import type { EndedRow } from "../../../src/dashboard/wire.ts";
import { formatSpan, formatTime, plural } from "../format.ts";
import { useView } from "../page.tsx";
import { LongTable, type LongColumn } from "../parts/long-table.tsx";
import { Answered } from "../parts/notice.tsx";
import { Panel } from "../parts/panel.tsx";
import { Prose } from "../parts/prose.tsx";
import { routeTo } from "../route.ts";

const COLUMNS: ReadonlyArray<LongColumn<EndedRow>> = [
  {
    title: "Connection",
    width: "minmax(7rem, 1.2fr)",
    narrow: "minmax(0, 1fr)",
    cell: ({ label, handle }) => (label === "" ? <code>{handle}</code> : label),
  },
  { title: "At", width: "5.2rem", narrow: "4.6rem", cell: ({ at }) => <time>{formatTime(at)}</time> },
  { title: "Age", width: "7rem", cell: ({ age }) => formatSpan(age), isMiddle: true },
  { title: "Transport", width: "6rem", cell: ({ transport }) => transport, isMiddle: true },
  { title: "Code", width: "minmax(11rem, 1fr)", narrow: "minmax(0, 1.2fr)", cell: ({ code }) => <code>{code}</code> },
  { title: "What it means", width: "minmax(12rem, 4fr)", cell: ({ sentence }) => <Prose>{sentence}</Prose> },
];

const matches = (row: EndedRow, text: string): boolean =>
  [row.label, row.handle, row.code, row.transport].some((field) => field.toLowerCase().includes(text));

export function Ended(): JSX.Element {
  const answer = useView("ended");
  const [text, setText] = useState("");
  const id = useId();
  return (
    <>
      <h1>Ended connections</h1>
      <Panel title="Rows, the newest first" isTitleHidden>
        <search class="filter">
          <div class="field grows">
            <label for={id}>Filter</label>
            <input
              id={id}
              type="search"
              value={text}
              placeholder="a name, a code, a transport"
              onInput={(event) => setText(event.currentTarget.value)}
            />
          </div>
        </search>
        <Answered answer={answer}>
          {(rows) => <Rows rows={rows.filter((row) => matches(row, text.toLowerCase()))} />}
        </Answered>
      </Panel>
    </>
  );
}

function Rows({ rows }: { rows: readonly EndedRow[] }): JSX.Element {
  return (
    <>
      <p class="dim" role="status">
        {plural(rows.length, "connection")}.
      </p>
      {rows.length > 0 && (
        <LongTable
          label="Ended connections"
          columns={COLUMNS}
          total={rows.length}
          rowAt={(index) => rows[index]}
          handleOf={({ handle }) => handle}
          linkTo={({ handle }) => routeTo("connection", {}, handle)}
        />
      )}
    </>
  );
}
