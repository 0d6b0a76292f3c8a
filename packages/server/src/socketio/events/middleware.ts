import { type OnFailure, watch } from "../../base/handler-errors.ts";
import type { Untyped } from "./typed-events.ts";

/** Goes on to the next middleware, or gives up with an error. */
export type Next = (err?: Untyped) => void;

/** A function that looks at a subject (a socket that wants to join, an incoming event) before others get it. */
export type Middleware<Subject> = (subject: Subject, next: Next) => unknown;

/** One pass of a subject through a chain of middlewares. */
export interface Passage<Subject> {
  readonly chain: readonly Middleware<Subject>[];
  readonly subject: Subject;
  /** Asked before each step: whether nobody waits for the end any more. */
  isOver(): boolean;
  /** All middlewares went on, or one gave up with an error. */
  onEnd(err?: unknown): void;
  /** A middleware threw, or its promise was rejected. It counts as an end, unless it had gone on before. */
  readonly onFailure: OnFailure;
  /** What the failure of a middleware ends the passage with. */
  endOf(error: unknown): unknown;
}

/** Takes a subject through a chain of middlewares. What they throw and reject with goes to `onFailure` as well. */
export function pass<Subject>(passage: Passage<Subject>, index = 0): void {
  if (passage.isOver()) return;
  const middleware = passage.chain[index];
  if (middleware === undefined) return passage.onEnd();
  let answered = false;
  const next: Next = (err) => {
    if (answered) return;
    answered = true;
    if (err) passage.onEnd(err);
    else pass(passage, index + 1);
  };
  const fail = (error: unknown, how: "thrown" | "rejected"): void => {
    passage.onFailure(error, how);
    if (answered) return;
    answered = true;
    passage.onEnd(passage.endOf(error));
  };
  try {
    watch(middleware(passage.subject, next), (error) => fail(error, "rejected"));
  } catch (error) {
    fail(error, "thrown");
  }
}
