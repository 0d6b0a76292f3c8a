/** The sentence of each code, whichever layer has it. */
const sentences = new Map<string, string>();

/** Adds the limits of a layer. */
export function defineLimitCodes<Code extends string>(
  rows: Readonly<Record<Code, string>>,
): Readonly<Record<Code, string>> {
  for (const code of Object.keys(rows) as Code[]) sentences.set(code, rows[code]);
  return rows;
}

/**
 * Limits that are met without an end of the session: code, sentence. Those that end it are among `CLOSE_CODES`, and those
 * for which a request is turned away among `REFUSALS`.
 */
export const LIMIT_CODES = defineLimitCodes({
  /** Option `slowReader.soft`. */
  SLOW_READER: "the peer reads more slowly than it is sent to: more than slowReader.soft bytes wait for it",
  /** Option `slowReader.policy`, `socket.slowPolicy` or `ifSlow()`. */
  EVENT_DROPPED: "an event was dropped because the peer reads too slowly",
  /** `conflate()`. */
  EVENT_CONFLATED: "an event took the place of one with the same key that was still waiting",
  /** Option `carry`. */
  CARRY_FULL: "the client has confirmed too little: the oldest of what carry keeps was dropped",
  /** Option `slowReader.process`. */
  PROCESS_BUDGET: "more than slowReader.process bytes wait in this process for all peers together",
});

export type LimitCode = keyof typeof LIMIT_CODES;

/** A code of the engine, or of a layer above. */
export type AnyLimitCode = LimitCode | (string & {});

/** The sentence of a limit. */
export function limitSentence(code: AnyLimitCode): string {
  return sentences.get(code) ?? code;
}

/** A limit was hit, as `limit` listeners of the engine and subscribers of `portage.limit` get it. */
export interface LimitHit {
  /** Which limit, as in docs/errors.md. */
  readonly code: AnyLimitCode;
  /** A sentence for a human. */
  readonly message: string;
  /** The value of the option. */
  readonly limit: number;
  /** What it was about to be. */
  readonly actual: number;
  /** The session that was about to be beyond it. */
  readonly sid: string;
}
