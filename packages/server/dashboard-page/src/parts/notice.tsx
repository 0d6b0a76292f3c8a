/*
 * Sentences in the place of missing rows.
 * Knows: answers that refuse.
 * Must not know: the question.
 */
import type { ComponentChildren, JSX } from "preact";
import type { Answer, Refused } from "../../../src/dashboard/wire.ts";
import { isRefused } from "../live.ts";

const SENTENCES: Record<Refused["error"], string> = {
  BAD_QUESTION: "The server does not understand this question. Reload the page: it may be older than the server.",
  FORBIDDEN: "Your role does not allow this.",
  UNKNOWN: "This is not available on this server.",
  TOO_MANY: "Too many of these are under way. Stop one, or wait a moment.",
  COUNT_CHANGED: "The number has changed since you typed it. Nothing was done: look again.",
  REFUSED: "The program refused this action.",
  FAILED: "The server did not answer.",
};

export const sentenceOf = ({ error }: Refused): string => SENTENCES[error] ?? error;

/** What a view shows before its rows are there, or without them. */
export function Notice({ children }: { children: ComponentChildren }): JSX.Element {
  return <p class="notice">{children}</p>;
}

interface AnsweredProps<T> {
  answer: Answer<T> | undefined;
  /** Says that the server does not know what the address names. */
  unknown?: string;
  children: (answer: T) => ComponentChildren;
}

/** Draws an answer; or says that it has not come, or that it is not available. */
export function Answered<T>({ answer, unknown, children }: AnsweredProps<T>): JSX.Element {
  if (answer === undefined) return <Notice>Asking the server…</Notice>;
  if (isRefused(answer)) {
    return <Notice>{answer.error === "UNKNOWN" && unknown !== undefined ? unknown : sentenceOf(answer)}</Notice>;
  }
  return <>{children(answer)}</>;
}
