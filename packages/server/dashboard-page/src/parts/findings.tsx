/*
 * The findings, in sentences.
 * Knows: findings of the wire.
 * Must not know: the rules behind them.
 */
import type { JSX } from "preact";
import type { Finding } from "../../../src/dashboard/wire.ts";
import { formatSpan, formatValue } from "../format.ts";
import { useLive, useNow } from "../page.tsx";
import { routeTo } from "../route.ts";
import { useStore } from "../store.ts";
import { DataTable } from "./data-table.tsx";
import { Mark } from "./panel.tsx";
import { Prose } from "./prose.tsx";

const LEVELS = {
  problem: { tone: "bad", word: "Problem" },
  warning: { tone: "warn", word: "Warning" },
} as const;

/** Links of a finding lead to a view of this page, and to no other place. */
const isView = (link: string): boolean => link.startsWith("#/");

function Figures({ finding: { code, figures = [] } }: { finding: Finding }): JSX.Element | null {
  if (figures.length === 0) return null;
  return (
    <DataTable
      label={`Figures of ${code}`}
      columns={[
        { title: "What", cell: ({ label }) => label },
        { title: "Then", cell: ({ then, unit }) => formatValue(then, unit), isNumber: true },
        { title: "Now", cell: ({ now, unit }) => formatValue(now, unit), isNumber: true },
      ]}
      rows={figures}
      keyOf={({ label }) => label}
      none=""
    />
  );
}

/** The name of another node, which leads to its connections. */
function AtNode({ node }: { node: string }): JSX.Element {
  return (
    <span class="dim">
      {" "}
      at node <a href={routeTo("connections", { node })}>{node}</a>
    </span>
  );
}

function FindingItem({ finding, now }: { finding: Finding; now: number }): JSX.Element {
  const { tone, word } = LEVELS[finding.level];
  return (
    <li class={`finding ${tone}`} data-finding={finding.code} data-subject={finding.subject} data-node={finding.node}>
      <p class="finding-head">
        <Mark tone={tone}>{word}</Mark> <code>{finding.code}</code>
        {finding.node !== undefined && <AtNode node={finding.node} />}
        <span class="dim"> for {formatSpan(now - finding.since)}</span>
      </p>
      <p class="sentence">{finding.sentence}</p>
      <p class="advice">
        <Prose>{finding.advice}</Prose>
      </p>
      <Figures finding={finding} />
      {finding.link !== undefined && isView(finding.link) && (
        <a class="button" href={finding.link}>
          Look at it
        </a>
      )}
    </li>
  );
}

/** Problems before warnings, the oldest first. */
const inOrder = (findings: readonly Finding[]): Finding[] =>
  [...findings].sort((one, other) => one.level.localeCompare(other.level) || one.since - other.since);

/** The findings; a change is read out politely. */
export function Findings(): JSX.Element {
  const findings = useStore(useLive().findings);
  const now = useNow();
  const count = findings?.length ?? 0;
  const summary = `${count} ${count === 1 ? "finding" : "findings"}: ${inOrder(findings ?? [])
    .map(({ sentence }) => sentence)
    .join(" ")}`;
  return (
    <section class="findings" aria-labelledby="findings-title">
      <h2 id="findings-title">{count === 0 ? "Findings" : `Findings (${count})`}</h2>
      <p class="hidden" aria-live="polite">
        {findings !== null && (count === 0 ? "Nothing is wrong." : summary)}
      </p>
      {findings === null && <p class="calm">Looking for problems…</p>}
      {findings !== null && count === 0 && (
        <p class="calm">
          <Mark tone="good">Nothing is wrong</Mark> that this page looks for.
        </p>
      )}
      <ul>
        {inOrder(findings ?? []).map((finding) => (
          <FindingItem key={`${finding.node} ${finding.code} ${finding.subject}`} finding={finding} now={now} />
        ))}
      </ul>
    </section>
  );
}
