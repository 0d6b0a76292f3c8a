/*
 * What went wrong, by code and minute, and what to do.
 * Knows: the view of problems on the wire.
 * Must not know: where they come from.
 */
import type { JSX } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import type { ProblemRow } from "../../../src/dashboard/wire.ts";
import { formatMinute, plural } from "../format.ts";
import { useView } from "../page.tsx";
import { Answered } from "../parts/notice.tsx";
import { Panel } from "../parts/panel.tsx";
import { Prose } from "../parts/prose.tsx";
import { routeTo } from "../route.ts";

const KINDS: Record<ProblemRow["kind"], string> = {
  end: "Ends",
  refusal: "Refusals",
  limit: "Limits",
  upgrade: "Upgrades",
  handler: "Handlers",
  cluster: "Cluster",
  recovery: "Recovery",
  action: "Actions",
};

/** Handles are 60 bits, which are 10 characters. */
const HANDLE = /^[\w-]{10}$/;

function Subjects({ of }: { of: readonly string[] }): JSX.Element | null {
  if (of.length === 0) return null;
  return (
    <p class="dim">
      Last:{" "}
      {of.map((subject, index) => (
        <span key={subject}>
          {index > 0 && ", "}
          {HANDLE.test(subject) ? <a href={routeTo("connection", {}, subject)}>{subject}</a> : subject}
        </span>
      ))}
    </p>
  );
}

function Problem({ row }: { row: ProblemRow }): JSX.Element {
  return (
    <li class="problem" data-problem={row.code}>
      <p class="problem-head">
        <time dateTime={new Date(row.minute).toISOString()}>{formatMinute(row.minute)}</time> <code>{row.code}</code>{" "}
        <b>×{row.count}</b> <span class="dim">{KINDS[row.kind]}</span>
      </p>
      <p>
        <Prose>{row.sentence}</Prose>
      </p>
      <p class="advice">
        <Prose>{row.advice}</Prose>
      </p>
      <Subjects of={row.subjects} />
    </li>
  );
}

interface Chosen {
  readonly kind: string;
  readonly text: string;
}

const matching = (rows: readonly ProblemRow[], { kind, text }: Chosen): ProblemRow[] =>
  rows
    .filter((row) => kind === "" || row.kind === kind)
    .filter((row) => [row.code, row.sentence, ...row.subjects].some((field) => field.toLowerCase().includes(text)))
    .sort((one, other) => other.minute - one.minute);

function Copy({ rows }: { rows: readonly ProblemRow[] }): JSX.Element {
  const [said, say] = useState("");
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(JSON.stringify(rows, null, 2));
      say("Copied.");
    } catch {
      say("The browser does not allow it: it needs HTTPS or localhost.");
    }
  };
  return (
    <>
      <button onClick={() => void copy()}>Copy as JSON</button>
      <span role="status" class="dim">
        {said}
      </span>
    </>
  );
}

function Filter({ chosen, choose }: { chosen: Chosen; choose: (chosen: Chosen) => void }): JSX.Element {
  const id = useId();
  return (
    <search class="filter">
      <div class="field grows">
        <label for={id}>Filter</label>
        <input
          id={id}
          type="search"
          value={chosen.text}
          placeholder="a code, a name, a word"
          onInput={(event) => choose({ ...chosen, text: event.currentTarget.value })}
        />
      </div>
      <div class="field">
        <label for={`${id}-kind`}>Kind</label>
        <select
          id={`${id}-kind`}
          value={chosen.kind}
          onChange={(event) => choose({ ...chosen, kind: event.currentTarget.value })}
        >
          <option value="">all</option>
          {Object.entries(KINDS).map(([kind, title]) => (
            <option key={kind} value={kind}>
              {title}
            </option>
          ))}
        </select>
      </div>
    </search>
  );
}

export function Problems(): JSX.Element {
  const answer = useView("problems");
  const [paused, pause] = useState<typeof answer>(undefined);
  const [chosen, choose] = useState<Chosen>({ kind: "", text: "" });
  const isPaused = paused !== undefined;
  useEffect(() => {
    document.title = document.title.replace(/^(?:Paused: )?/, isPaused ? "Paused: " : "");
  }, [isPaused]);
  return (
    <>
      <h1>Problems</h1>
      <Answered answer={paused ?? answer}>
        {(all) => {
          const rows = matching(all, { ...chosen, text: chosen.text.toLowerCase() });
          return (
            <Panel
              title={isPaused ? "Paused" : "The newest first"}
              aside={
                <div class="buttons">
                  <button aria-pressed={isPaused} onClick={() => pause(isPaused ? undefined : answer)}>
                    Pause
                  </button>
                  <Copy rows={rows} />
                </div>
              }
            >
              <Filter chosen={chosen} choose={choose} />
              <p class="dim" role="status">
                {plural(rows.length, "row")}.
              </p>
              <ul class="problems">
                {rows.map((row) => (
                  <Problem key={`${row.minute} ${row.kind} ${row.code}`} row={row} />
                ))}
              </ul>
            </Panel>
          );
        }}
      </Answered>
    </>
  );
}
