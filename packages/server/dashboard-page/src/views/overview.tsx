/*
 * The first view: findings, the state in a sentence, figures, ends and limits.
 * Knows: findings, series, ends and limits of the wire.
 * Must not know: how they come about.
 */
import type { JSX } from "preact";
import type { EndCount, Hello, LimitInForce, OverviewView } from "../../../src/dashboard/wire.ts";
import { newest, type Lines } from "../figures.ts";
import { formatCount, formatMilliseconds, formatShare, formatSpan, formatValue, plural } from "../format.ts";
import { isRefused } from "../live.ts";
import { useHello, useLive, useMayAct, useNow, useView } from "../page.tsx";
import { ServerActions } from "../parts/server-actions.tsx";
import { Cards } from "../parts/cards.tsx";
import { DataTable } from "../parts/data-table.tsx";
import { Findings } from "../parts/findings.tsx";
import { Gauge, Mark, Panel } from "../parts/panel.tsx";
import { Prose } from "../parts/prose.tsx";
import { useStore } from "../store.ts";

/** Says how the server is, in one sentence. */
function sentenceOfState(lines: Lines, { started }: Hello, now: number): string {
  const value = (name: string) => newest(lines, name);
  const connections = value("connections");
  if (connections === null) return `This server has run for ${formatSpan(now - started)}.`;
  const polling = value("polling");
  const [incoming, outgoing, late] = [value("events.in"), value("events.out"), value("loop.p99")];
  const parts = [
    `${plural(connections, "client")} ${connections === 1 ? "is" : "are"} connected` +
      (polling !== null && connections > 0 ? `, ${formatShare(polling / connections)} of them on polling` : ""),
    ...(incoming !== null && outgoing !== null
      ? [`${plural(incoming, "packet")} a second come in and ${formatCount(outgoing)} go out`]
      : []),
    ...(late === null ? [] : [`the event loop is ${formatMilliseconds(late)} late at the 99th percentile`]),
  ];
  return `${parts.join("; ")}. Up for ${formatSpan(now - started)}.`;
}

function State(): JSX.Element {
  const lines = useStore(useLive().seconds);
  const hello = useHello();
  return <p class="state-sentence">{sentenceOfState(lines, hello, useNow())}</p>;
}

function Ends({ ends }: { ends: readonly EndCount[] }): JSX.Element {
  const rows = ends.filter(({ total }) => total > 0);
  return (
    <Panel title="Ends of connections">
      <DataTable
        label="Ends of connections by code"
        columns={[
          {
            title: "Code",
            cell: ({ code, abnormal }) => (
              <>
                <code>{code}</code> {abnormal && <Mark tone="warn">abnormal</Mark>}
              </>
            ),
          },
          {
            title: "What it means",
            cell: ({ sentence, advice, abnormal }) => (
              <>
                <Prose>{sentence}</Prose>
                {abnormal && advice !== "" && (
                  <span class="advice">
                    {" "}
                    <Prose>{advice}</Prose>
                  </span>
                )}
              </>
            ),
          },
          {
            title: "Last 5 min",
            cell: ({ recent }) => formatCount(recent),
            order: ({ recent }) => recent,
            isNumber: true,
          },
          { title: "All", cell: ({ total }) => formatCount(total), order: ({ total }) => total, isNumber: true },
        ]}
        rows={rows}
        keyOf={({ code }) => code}
        none="None has ended yet."
      />
    </Panel>
  );
}

function Use({ limit: { name, value, used, unit } }: { limit: LimitInForce }): JSX.Element {
  if (used === undefined || value <= 0) return <span class="dim">not counted</span>;
  const share = used / value;
  return (
    <>
      <Gauge share={share} label={`${formatShare(share)} of ${name}`} /> {formatValue(used, unit)} ({formatShare(share)}
      )
    </>
  );
}

function Limits({ limits }: { limits: readonly LimitInForce[] }): JSX.Element {
  return (
    <Panel title="Limits in force">
      <DataTable
        label="Limits in force"
        columns={[
          { title: "Limit", cell: ({ name }) => <code>{name}</code> },
          { title: "Set to", cell: ({ value, unit }) => formatValue(value, unit), isNumber: true },
          { title: "In use", cell: (limit) => <Use limit={limit} /> },
        ]}
        rows={[...limits].sort((one, other) => Number(other.used !== undefined) - Number(one.used !== undefined))}
        keyOf={({ name }) => name}
        none="None is set."
      />
    </Panel>
  );
}

export function Overview(): JSX.Element {
  const hello = useHello();
  const answer = useView("overview");
  const mayAct = useMayAct();
  const { ends, limits }: OverviewView =
    answer === undefined || isRefused(answer) ? { ends: [], limits: hello.limits } : answer;
  return (
    <>
      <h1 class="hidden">Overview</h1>
      <Findings />
      <State />
      <Cards />
      <div class="columns">
        <Ends ends={ends} />
        <Limits limits={limits} />
      </div>
      {mayAct && <ServerActions />}
    </>
  );
}
