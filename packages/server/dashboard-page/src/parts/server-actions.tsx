/*
 * Actions on the whole server: drain, and log scopes.
 * Knows: these actions, and lines of the log.
 * Must not know: how the server performs them.
 */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { newest } from "../figures.ts";
import { plural } from "../format.ts";
import { useLive } from "../page.tsx";
import { ActionForm, Field, Result, TypedCount, useAct } from "./act.tsx";
import { Panel } from "./panel.tsx";

/** Lines of the log that stay on the page. */
const MOST_LINES = 500;
const MOST_MINUTES = 15;

function Logs(): JSX.Element | null {
  const live = useLive();
  const [lines, setLines] = useState<readonly string[]>([]);
  useEffect(
    () =>
      live.followLogs((more, skipped) =>
        setLines((before) =>
          [...before, ...more, ...(skipped > 0 ? [`… ${plural(skipped, "line")} left out`] : [])].slice(-MOST_LINES),
        ),
      ),
    [live],
  );
  if (lines.length === 0) return null;
  return (
    <pre class="lines" tabIndex={0} role="log" aria-label="Lines of the log">
      {lines.join("\n")}
    </pre>
  );
}

function Drain(): JSX.Element {
  const live = useLive();
  const { perform, result } = useAct();
  const [timeout, setTimeout] = useState<number | undefined>(undefined);
  const count = newest(live.seconds.get(), "connections") ?? 0;
  const done = (isConfirmed: boolean): void => {
    if (isConfirmed && timeout !== undefined) void perform("drain", { timeout });
    setTimeout(undefined);
  };
  return (
    <>
      <ActionForm
        title="Drain the server"
        button="Drain…"
        onSubmit={({ seconds }) => setTimeout(Math.max(0, Number(seconds) || 0) * 1000)}
      >
        <Field label="Drain within, in seconds" name="seconds" type="number" value="30" />
      </ActionForm>
      {timeout !== undefined && (
        <TypedCount
          sentence={`The server refuses new clients, and ${plural(count, "client")} must go elsewhere.`}
          count={count}
          button="Drain"
          onDone={done}
        />
      )}
      <Result>{result}</Result>
    </>
  );
}

export function ServerActions(): JSX.Element {
  const { perform, result } = useAct();
  const log = ({ scopes = "", minutes = "" }: Record<string, string>): void =>
    void perform("log", { scopes, minutes: Math.min(MOST_MINUTES, Number(minutes) || 1) });
  return (
    <Panel title="Actions">
      <div class="actions">
        <div>
          <ActionForm title="Write logs" button="Write logs" onSubmit={log}>
            <Field label="Scopes of the log" name="scopes" value="socket.io:*, engine:*" />
            <Field label="Minutes, at most 15" name="minutes" type="number" value="5" />
          </ActionForm>
          <Result>{result}</Result>
        </div>
        <div>
          <Drain />
        </div>
      </div>
      <Logs />
    </Panel>
  );
}
