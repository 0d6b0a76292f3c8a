import type { Clock } from "./clock.ts";

/** At most one line of each kind in this time, in milliseconds. */
const INTERVAL = 60_000;
/** Most characters of what a client has sent that get into a line. */
const MAX_QUOTE = 100;

/**
 * Says in the log of the process what those who run it should look at: as a process warning with a code, and of each code
 * at most once a minute.
 *
 * @example
 * notices.say("UNKNOWN_NAMESPACE", `a client asked for the namespace ${quote(name)}, which is not there`);
 */
export class Notices {
  readonly #clock: Clock;
  readonly #last = new Map<string, { readonly at: number; untold: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param code one of the tables of codes, so that there are few */
  say(code: string, sentence: string): void {
    const at = this.#clock.now();
    const last = this.#last.get(code);
    if (last !== undefined && at - last.at < INTERVAL) {
      last.untold += 1;
      return;
    }
    const more = last?.untold ? ` (and ${last.untold} more since the last such line)` : "";
    this.#last.set(code, { at, untold: 0 });
    process.emitWarning(sentence + more, { type: "PortageWarning", code });
  }
}

/** What a client has sent, fit for a line of a log. */
export function quote(text: string): string {
  return JSON.stringify(text.length > MAX_QUOTE ? `${text.slice(0, MAX_QUOTE)}...` : text);
}
