import type { CodeText } from "./close-codes.ts";

/** Sentences of all layers, by code. */
const sentences = new Map<string, string>();

/** Adds the limits of a layer. */
export function defineLimitCodes<Code extends string>(
  rows: Readonly<Record<Code, CodeText>>,
): Readonly<Record<Code, CodeText>> {
  for (const code of Object.keys(rows) as Code[]) sentences.set(code, rows[code].message);
  return rows;
}

/**
 * Limits that do not end the session. Limits that do are in `CLOSE_CODES`, and limits of requests in `REFUSALS`.
 */
export const LIMIT_CODES = defineLimitCodes({
  /** Option `slowReader.soft`. */
  SLOW_READER: {
    message: "the client reads too slowly: more than slowReader.soft bytes are queued",
    fix: "send less, use `volatile` or `conflate()`, or raise `slowReader.soft`",
  },
  /** Option `slowReader.policy`, `socket.slowPolicy` or `ifSlow()`. */
  EVENT_DROPPED: {
    message: "an event is dropped because the client reads too slowly",
    fix: "send less, or choose another `slowReader.policy`",
  },
  /** `conflate()`. */
  EVENT_CONFLATED: {
    message: "an event replaces a queued one with the same key",
    fix: "nothing, this is the purpose of `conflate()`",
  },
  /** Option `carry`. */
  CARRY_FULL: {
    message: "the client confirms too little, so `carry` drops its oldest messages",
    fix: "send less, or raise `carry.maxBytes` and `carry.maxPackets`",
  },
  /** Option `slowReader.process`. */
  PROCESS_BUDGET: {
    message: "the queues of all clients exceed slowReader.process",
    fix: "look for slow clients in `io.stats()`, or raise `slowReader.process`",
  },
});

export type LimitCode = keyof typeof LIMIT_CODES;

/** A code of the engine or of a layer above. */
export type AnyLayerLimitCode = LimitCode | (string & {});

/** Returns the sentence of a limit. */
export function limitSentence(code: AnyLayerLimitCode): string {
  return sentences.get(code) ?? code;
}

/** A reached limit, argument of `limit` listeners and of `portage.limit` subscribers. */
export interface LimitHit {
  /** Which limit, as in docs/errors.md. */
  readonly code: AnyLayerLimitCode;
  /** A sentence for people. */
  readonly message: string;
  /** The value of the option. */
  readonly limit: number;
  /** The value that would have exceeded it. */
  readonly actual: number;
  /** Id of the session. */
  readonly sid: string;
}
