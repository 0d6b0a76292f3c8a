/*
 * What a code means, and what to do about it: one sentence each, for whatever shows codes to people. docs/errors.md has the
 * same sentences.
 */
import { HANDLER_KINDS } from "../../base/handler-errors.ts";
import { REFUSALS, UPGRADE_FAILURES } from "../../engine/index.ts";
import { ALL_CLOSE_CODES, DISCONNECT_CODES } from "./close-codes.ts";
import { SOCKETIO_ERRORS } from "./errors.ts";
import { ALL_LIMIT_CODES, RECOVERY_LIMITS } from "./limit-codes.ts";

/** What happened, and what to do about it. */
export interface Advice {
  readonly sentence: string;
  readonly advice: string;
}

interface Texts {
  readonly message: string;
  /** Refusals have this for the operator; their `message` is for the client. */
  readonly hint?: string;
  readonly fix: string;
}

type TextsByCode = Readonly<Record<string, Texts>>;

/** The tables of each kind of problem. The first that has a code describes it. */
const TEXTS_OF_KIND = {
  end: [ALL_CLOSE_CODES, DISCONNECT_CODES],
  /** Of a request, or of a client that joins a namespace. */
  refusal: [REFUSALS, SOCKETIO_ERRORS],
  limit: [ALL_LIMIT_CODES],
  upgrade: [UPGRADE_FAILURES],
  handler: [HANDLER_KINDS],
  cluster: [SOCKETIO_ERRORS],
  recovery: [SOCKETIO_ERRORS, RECOVERY_LIMITS],
} as const satisfies Record<string, readonly TextsByCode[]>;

/** The kinds of problems that have codes. */
export type ProblemKind = keyof typeof TEXTS_OF_KIND;

/** Returns the sentence of a code and what to do. An unknown code is its own sentence, without advice. */
export function adviceFor(kind: ProblemKind, code: string): Advice {
  for (const table of TEXTS_OF_KIND[kind] as readonly TextsByCode[]) {
    if (!Object.hasOwn(table, code)) continue;
    const { message, hint = message, fix } = table[code]!;
    return { sentence: hint, advice: fix };
  }
  return { sentence: code, advice: "" };
}
