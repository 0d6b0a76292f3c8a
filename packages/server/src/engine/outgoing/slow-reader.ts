import { isAbsent, limitFrom, refuseOption } from "../option-checks.ts";

/** What happens to events for a slow client, while its queue exceeds `soft`. */
export type SlowPolicy =
  /** They are queued, up to `hard`. */
  | "keep"
  /** The new event is dropped. */
  | "drop-newest"
  /** Queued events are dropped, oldest first, until the new one fits. */
  | "drop-oldest"
  /** The session ends, with the code `SLOW_READER`. */
  | "disconnect";

/**
 * Limits of the outgoing queue. Binary data counts in bytes, text in characters.
 *
 * A client is slow if it read nothing for one turn of the event loop (for one second, if it polls). A burst of the program
 * alone does not make a client slow.
 */
export interface SlowReaderOptions {
  /** Above this, the policy applies, and `whenDrained()` is pending. Default 1e6. */
  soft?: number;
  /** Above this, the session of a slow client ends with `SLOW_READER`, WebSocket close code 1013. Default 4e6. */
  hard?: number;
  /** Most to queue in one burst, before the client counts as slow. A single message may exceed it. Default 64e6. */
  burst?: number;
  /**
   * Limit for all queues of the process; each packet adds 100 for overhead. Above it, `soft` and `hard` drop to 64e3, and
   * `burst` to the configured `hard`. Default 256e6.
   */
  process?: number;
  /** Default `"keep"`. */
  policy?: SlowPolicy;
}

export const SLOW_READER_DEFAULTS: Readonly<Required<SlowReaderOptions>> = {
  soft: 1e6,
  hard: 4e6,
  burst: 64e6,
  process: 256e6,
  policy: "keep",
};

/** `soft` and `hard` while the process exceeds its limit. */
export const TIGHT = 64e3;

/** Most milliseconds between two polls before the client counts as slow. */
export const POLL_GRACE = 1000;

const POLICIES: ReadonlySet<unknown> = new Set<SlowPolicy>(["keep", "drop-newest", "drop-oldest", "disconnect"]);

/**
 * Completes the options with their defaults.
 *
 * @throws UsageError `OPTION_INVALID`
 */
export function resolveSlowReader(option?: SlowReaderOptions): Required<SlowReaderOptions> {
  const given: SlowReaderOptions = { ...option };
  const defaults = SLOW_READER_DEFAULTS;
  const soft = limitFrom("slowReader.soft", given.soft, 0, defaults.soft);
  const hard = limitFrom("slowReader.hard", given.hard, 0, Math.max(defaults.hard, soft));
  const burst = limitFrom("slowReader.burst", given.burst, 0, Math.max(defaults.burst, hard));
  const process = limitFrom("slowReader.process", given.process, 0, defaults.process);
  const policy = isAbsent(given.policy) ? defaults.policy : given.policy;
  if (!POLICIES.has(policy)) refuseOption("slowReader.policy", "one of its four words", policy);
  return { soft, hard, burst, process, policy };
}

/** Completes options that the program may have changed in place. If one is invalid, returns `before`. */
export function followSlowReader(
  option: SlowReaderOptions | undefined,
  before: Required<SlowReaderOptions>,
): Required<SlowReaderOptions> {
  if (!option) return SLOW_READER_DEFAULTS;
  try {
    return resolveSlowReader(option);
  } catch {
    return before;
  }
}
