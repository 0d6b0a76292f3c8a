/*
 * The patterns that were given to `io.of()`: regular expressions and functions that accept names of namespaces.
 */
import { type OnFailure, runChain } from "../base/guarded.ts";
import type { Handshake } from "./socket/handshake.ts";

/** Decides whether a namespace may be made for a client: call `fn(null, true)` to allow it. */
export type ParentNspNameMatchFn = (
  name: string,
  auth: Handshake["auth"],
  fn: (err: Error | null, success: boolean) => void,
) => void;

/** A pattern for namespaces, in the order in which they were given. */
export interface Pattern<Parent> {
  readonly parent: Parent;
  readonly matches: RegExp | ParentNspNameMatchFn;
}

const REFUSED = "refused";

/** A RegExp with the flag g or y goes on where it stopped the last time. */
export function accepts(pattern: RegExp, name: string): boolean {
  pattern.lastIndex = 0;
  return pattern.test(name);
}

/** What a function that was given to `of()` is asked. */
export interface NamespaceQuestion {
  readonly name: string;
  readonly auth: Handshake["auth"];
  readonly onFailure: OnFailure;
}

/** Asks a pattern whether it accepts a name. It is asked once: the first answer counts, and a failure means no. */
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
