/*
 * Patterns passed to `io.of()`: regular expressions and functions that accept names of namespaces.
 */
import { type OnFailure, runChain } from "../base/guarded.ts";
import type { Handshake } from "./socket/handshake.ts";

/** Decides whether a namespace may be created for a client; calls `fn(null, true)` to allow it. */
export type ParentNspNameMatchFn = (
  name: string,
  auth: Handshake["auth"],
  fn: (err: Error | null, success: boolean) => void,
) => void;

/** A pattern for names, with the template of its namespaces. */
export interface Pattern<Parent> {
  readonly parent: Parent;
  readonly matches: RegExp | ParentNspNameMatchFn;
}

const REFUSED = "refused";

/** Tests a name. Resets `lastIndex` first, because a RegExp with the flag g or y continues there. */
export function accepts(pattern: RegExp, name: string): boolean {
  pattern.lastIndex = 0;
  return pattern.test(name);
}

/** A question to a pattern. */
export interface NamespaceQuestion {
  readonly name: string;
  readonly auth: Handshake["auth"];
  readonly onFailure: OnFailure;
}

/** Asks a pattern whether it accepts a name. The first answer counts, and a failure means no. */
export function askPattern(
  matches: RegExp | ParentNspNameMatchFn,
  { name, auth, onFailure }: NamespaceQuestion,
  fn: (accepted: boolean) => void,
): void {
  if (matches instanceof RegExp) return fn(accepts(matches, name));
  runChain<[]>({
    links: [(next) => matches(name, auth, (err, success) => next(err || !success ? REFUSED : undefined))],
    subject: [],
    onEnd: (err) => fn(err === undefined),
    onFailure,
    endOf: () => REFUSED,
  });
}
