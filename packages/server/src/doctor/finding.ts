import { ADVICE, type Advised } from "./advice.ts";
import { CODES, type Code, type Level, type Way } from "./codes.ts";

/** Figures and names that a sentence speaks of. */
export type Facts = Readonly<Record<string, string | number>>;

/** What one step has found. */
export interface Finding {
  /** A stable code, one of {@link CODES}. */
  readonly code: Code;
  readonly level: Level;
  /** The ways to connect that do not work because of it. */
  readonly breaks: readonly Way[];
  /** What is the matter, for a human. */
  readonly sentence: string;
  /** What to change, and where. Empty when nothing has to be. */
  readonly advice: readonly Advised[];
  readonly facts: Facts;
}

/** Makes a finding: its level, sentence and advice stand in the table of codes. */
export function find(code: Code, facts: Facts = {}): Finding {
  const { level, sentence, breaks = [] } = CODES[code];
  const fill = (text: string): string =>
    text.replaceAll(/\{(\w+)\}/g, (_match, name: string) => String(facts[name] ?? "?"));
  const advice = (ADVICE[code] ?? []).map(({ where, what }) => ({ where, what: fill(what) }));
  return { code, level, breaks, sentence: fill(sentence), advice, facts };
}
