import type { Clock } from "./clock.ts";

/** Milliseconds between two warnings with the same code. */
const INTERVAL = 60_000;
/** Most characters of a client's text in one warning. */
const MAX_QUOTE = 100;

/**
 * Emits process warnings for the operator, with a code, and at most once a minute per code.
 *
 * @example
 * notices.say("UNKNOWN_NAMESPACE", `a client asked for the namespace ${quote(name)}, which is not there`);
 */
export class Notices {
  readonly #clock: Clock;
  readonly #last = new Map<string, { readonly at: number; skipped: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param code one of the tables of codes, so that there are few */
  say(code: string, sentence: string): void {
    const at = this.#clock.now();
    const last = this.#last.get(code);
    if (last !== undefined && at - last.at < INTERVAL) {
      last.skipped += 1;
      return;
    }
    const more = last?.skipped ? ` (and ${last.skipped} more since the last such line)` : "";
    this.#last.set(code, { at, skipped: 0 });
    process.emitWarning(sentence + more, { type: "PortageWarning", code });
  }
}

/** Quotes and shortens a client's text for a log line. */
export function quote(text: string): string {
  return JSON.stringify(text.length > MAX_QUOTE ? `${text.slice(0, MAX_QUOTE)}...` : text);
}
