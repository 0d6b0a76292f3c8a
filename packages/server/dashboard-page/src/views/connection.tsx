/*
 * One connection: its story from the handshake to its end.
 * Knows: the view of a connection on the wire.
 * Must not know: how a story is kept.
 */
import type { JSX } from "preact";
import type { ConnectionRow, ConnectionStory, EndedRow, LifeEvent, WhyPolling } from "../../../src/dashboard/wire.ts";
import { formatBytes, formatCount, formatMilliseconds, formatRate, formatSpan, formatTime } from "../format.ts";
import { useFeature, useMayAct, useNow, useRoute, useView } from "../page.tsx";
import { ConnectionActions } from "../parts/connection-actions.tsx";
import { DataTable } from "../parts/data-table.tsx";
import { Answered, Notice } from "../parts/notice.tsx";
import { Facts, Mark, Panel } from "../parts/panel.tsx";
import { Prose } from "../parts/prose.tsx";
import { SocketList } from "../parts/socket-list.tsx";
import { Wire } from "../parts/wire-view.tsx";

function OpenFacts({ row, now }: { row: ConnectionRow; now: number }): JSX.Element {
  const slow = row.slowSince === null ? null : <Mark tone="warn">slow for {formatSpan(now - row.slowSince)}</Mark>;
  return (
    <Facts
      of={[
        ["State", row.state],
        [
          "Transport",
          <>
            {row.transport} {row.stuck && <Mark tone="warn">stuck</Mark>}
          </>,
        ],
        ["Revision", row.revision],
        ["Address", row.address],
        ["Age", formatSpan(row.age)],
        ["Round trip", row.rtt === null ? "not measured yet" : formatMilliseconds(row.rtt)],
        [
          "Queue",
          <>
            {formatBytes(row.queued)} {slow}
          </>,
        ],
        ["Dropped", formatCount(row.dropped)],
        ["Events in, out", `${formatRate(row.in)}, ${formatRate(row.out)}`],
      ]}
    />
  );
}

function End({ ended }: { ended: EndedRow }): JSX.Element {
  const numbers: Array<readonly [string, string]> = [];
  if (ended.limit !== undefined) numbers.push(["Limit", formatCount(ended.limit)]);
  if (ended.actual !== undefined) numbers.push(["Actual", formatCount(ended.actual)]);
  if (ended.heartbeatAge !== undefined)
    numbers.push(["Last heartbeat", `${formatMilliseconds(ended.heartbeatAge)} before`]);
  if (ended.loopLag !== undefined) numbers.push(["Loop delay", formatMilliseconds(ended.loopLag)]);
  return (
    <Panel title="How it ended">
      <p>
        <code>{ended.code}</code> <Prose>{ended.sentence}</Prose>
      </p>
      <p class="advice">
        <Prose>{ended.advice}</Prose>
      </p>
      <Facts
        of={[["At", formatTime(ended.at)], ["Age", formatSpan(ended.age)], ["Transport", ended.transport], ...numbers]}
      />
    </Panel>
  );
}

function Why({ why }: { why: WhyPolling }): JSX.Element {
  return (
    <Panel title="Why is this client on polling?" class="why">
      <p data-why={why.code}>
        <code>{why.code}</code> <Prose>{why.sentence}</Prose>
      </p>
      <p class="advice">
        <Prose>{why.advice}</Prose>
      </p>
    </Panel>
  );
}

function Timeline({ events }: { events: readonly LifeEvent[] }): JSX.Element {
  return (
    <Panel title="Timeline">
      {events.length === 0 && <p class="dim">Nothing is recorded.</p>}
      <ol class="timeline">
        {events.map((event, index) => (
          <li key={index} class={event.kind}>
            <time dateTime={new Date(event.at).toISOString()}>{formatTime(event.at)}</time>
            <span>
              <b>{event.kind}</b> {event.text} {event.code !== undefined && <code>{event.code}</code>}
            </span>
          </li>
        ))}
      </ol>
    </Panel>
  );
}

function Handshake({ handshake }: Pick<ConnectionStory, "handshake">): JSX.Element {
  return (
    <Panel title="Handshake">
      <p class="dim">Headers and query. Secrets are left out.</p>
      <DataTable
        label="Handshake"
        columns={[
          { title: "Name", cell: ([name]) => <code>{name}</code> },
          { title: "Value", cell: ([, value]) => value },
        ]}
        rows={handshake}
        keyOf={([name]) => name}
        none="It is not kept."
      />
    </Panel>
  );
}

const GONE = "This connection is not known: it ended too long ago, or was never here.";

function Story({ story, handle }: { story: ConnectionStory; handle: string }): JSX.Element {
  const now = useNow();
  const mayAct = useMayAct();
  const hasTaps = useFeature("taps");
  const { row, ended } = story;
  if (row === null && ended === null) return <Notice>{GONE}</Notice>;
  const label = (row ?? ended)!.label;
  return (
    <>
      <h1>{label === "" ? handle : label}</h1>
      <p class="dim">
        Connection <code>{handle}</code>. The id of its session stays on the server: it is a secret.
      </p>
      {ended !== null && <End ended={ended} />}
      {story.why !== null && <Why why={story.why} />}
      <div class="columns">
        {row !== null && (
          <Panel title="Now">
            <OpenFacts row={row} now={now} />
          </Panel>
        )}
        <Timeline events={story.timeline} />
      </div>
      {row !== null && <SocketList sockets={story.sockets} handle={handle} />}
      {row !== null && hasTaps && <Wire handle={handle} />}
      {row !== null && mayAct && (
        <ConnectionActions handle={handle} namespaces={story.sockets.map((s) => s.namespace)} />
      )}
      <Handshake handshake={story.handshake} />
    </>
  );
}

export function Connection(): JSX.Element {
  const { subject } = useRoute();
  const answer = useView("connection", { handle: subject });
  return (
    <>
      <p>
        <a href="#/connections">All connections</a>
      </p>
      <Answered answer={answer} unknown={GONE}>
        {(story) => <Story key={subject} story={story} handle={subject} />}
      </Answered>
    </>
  );
}
