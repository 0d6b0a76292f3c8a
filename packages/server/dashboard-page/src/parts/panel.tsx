/*
 * Boxes with a title, facts, marks and sentences about state.
 * Knows: how they are written in HTML.
 * Must not know: their content.
 */
import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";

interface PanelProps {
  title: string;
  /** Beside the title, if this is shown. */
  aside?: ComponentChildren;
  class?: string;
  /** The heading above the box says it already. */
  isTitleHidden?: boolean;
  children: ComponentChildren;
}

export function Panel({ title, aside, class: kind = "", isTitleHidden, children }: PanelProps): JSX.Element {
  const id = useId();
  return (
    <section class={`panel ${kind}`} aria-labelledby={id}>
      {isTitleHidden === true ? (
        <h2 id={id} class="hidden">
          {title}
        </h2>
      ) : (
        <header class="panel-head">
          <h2 id={id}>{title}</h2>
          {aside}
        </header>
      )}
      {children}
    </section>
  );
}

export type Tone = "plain" | "good" | "warn" | "bad";

const SIGNS: Record<Tone, string> = { plain: "", good: "●", warn: "▲", bad: "■" };

/** A word of state. A sign of its own shape goes with each colour. */
export function Mark({ tone = "plain", children }: { tone?: Tone; children: ComponentChildren }): JSX.Element {
  return (
    <span class={`mark ${tone}`}>
      {SIGNS[tone] !== "" && <span aria-hidden="true">{SIGNS[tone]} </span>}
      <span>{children}</span>
    </span>
  );
}

/** Names and values. */
export function Facts({ of }: { of: ReadonlyArray<readonly [string, ComponentChildren]> }): JSX.Element {
  return (
    <dl class="facts">
      {of.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** The share of a limit that is in use. */
export function Gauge({ share, label }: { share: number; label: string }): JSX.Element {
  const full = Math.min(1, Math.max(0, share));
  let tone = "";
  if (full > 0.95) tone = "bad";
  else if (full > 0.8) tone = "warn";
  return (
    <span class={`gauge ${tone}`} role="img" aria-label={label}>
      <span style={{ width: `${full * 100}%` }} />
    </span>
  );
}
