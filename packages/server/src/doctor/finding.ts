import { ADVICE, type Advised } from "./advice.ts";
import { CODES, type Code, type Level, type Way } from "./codes.ts";

/** The values that fill in a sentence. */
export type Facts = Readonly<Record<string, string | number>>;

/** One finding of a step. */
export interface Finding {
  /** A stable code, one of {@link CODES}. */
  readonly code: Code;
  /** The severity of the finding. */
  readonly level: Level;
  /** The ways to connect that it breaks. */
  readonly breaks: readonly Way[];
  /** The finding in words. */
  readonly sentence: string;
  /** The changes to make; empty if none are needed. */
  readonly advice: readonly Advised[];
  /** The values in `sentence`, by name. */
  readonly facts: Facts;
}

/** Creates a finding from the tables of codes and advice. */
export function finding(code: Code, facts: Facts = {}): Finding {
  const { level, sentence, breaks = [] } = CODES[code];
  const fill = (text: string): string =>
    text.replaceAll(/\{(\w+)\}/g, (_match, name: string) => String(facts[name] ?? "?"));
  const advice = (ADVICE[code] ?? []).map(({ where, what }) => ({ where, what: fill(what) }));
  return { code, level, breaks, sentence: fill(sentence), advice, facts };
}
