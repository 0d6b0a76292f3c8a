/*
 * The nodes of the cluster.
 * Knows: the view of nodes on the wire.
 * Must not know: how they are asked.
 */
import type { JSX } from "preact";
import type { NodeRow } from "../../../src/dashboard/wire.ts";
import { formatBytes, formatCount, formatMilliseconds, formatSpan } from "../format.ts";
import { useNow, useView } from "../page.tsx";
import { DataTable, type Column } from "../parts/data-table.tsx";
import { Answered } from "../parts/notice.tsx";
import { Mark, Panel } from "../parts/panel.tsx";
import { routeTo } from "../route.ts";

const TONES = { up: "good", draining: "warn", silent: "bad" } as const;

function State({ node: { state, heard }, now }: { node: NodeRow; now: number }): JSX.Element {
  return <Mark tone={TONES[state]}>{state === "silent" ? `silent for ${formatSpan(now - heard)}` : state}</Mark>;
}

const columnsAt = (now: number): ReadonlyArray<Column<NodeRow>> => [
  {
    title: "Node",
    cell: ({ tag, self }) => (
      <>
        <a href={routeTo("connections", self ? {} : { node: tag })}>{tag}</a>{" "}
        {self && <span class="dim">(this one)</span>}
      </>
    ),
  },
  { title: "State", cell: (node) => <State node={node} now={now} /> },
  { title: "Version", cell: ({ version }) => version },
  { title: "Age", cell: ({ age }) => formatSpan(age), order: ({ age }) => age, isNumber: true },
  {
    title: "Connections",
    cell: ({ connections }) => formatCount(connections),
    order: ({ connections }) => connections,
    isNumber: true,
  },
  {
    title: "Loop delay",
    cell: ({ loopLag }) => formatMilliseconds(loopLag),
    order: ({ loopLag }) => loopLag,
    isNumber: true,
  },
  { title: "Heap", cell: ({ heap }) => formatBytes(heap), order: ({ heap }) => heap, isNumber: true },
];

export function Cluster(): JSX.Element {
  const answer = useView("cluster");
  const now = useNow();
  return (
    <>
      <h1>Cluster</h1>
      <Answered answer={answer}>
        {(nodes) => (
          <Panel title="Nodes">
            <DataTable
              label="Nodes of the cluster"
              columns={columnsAt(now)}
              rows={nodes}
              keyOf={({ tag }) => tag}
              none="This server is alone."
            />
          </Panel>
        )}
      </Answered>
    </>
  );
}
