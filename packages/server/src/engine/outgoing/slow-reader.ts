import { isAbsent, limitFrom, refuseOption } from "../option-checks.ts";

/** What becomes of events for a peer that reads too slowly, once more than `soft` bytes wait for it. */
export type SlowPolicy =
  /** They wait, up to `hard`. */
  | "keep"
  /** The new event is dropped. */
  | "drop-newest"
  /** Events that wait are dropped, the oldest first, until there is room. */
  | "drop-oldest"
  /** The session ends, with the code `SLOW_READER`. */
  | "disconnect";

/**
 * Bounds of what waits for a peer that does not take it. Bytes of binary data, characters of text.
 *
 * A peer is slow once it has taken nothing for a turn of the event loop (a second, when it polls) in spite of I/O having
 * had its chance: what an application sends in one go to a healthy peer is no sign of slowness.
 */
export interface SlowReaderOptions {
  /** Beyond this the policy applies, and `whenDrained()` waits. Default 1e6. */
  soft?: number;
  /** Beyond this the session of a slow peer ends with `SLOW_READER`, WebSocket close code 1013. Default 4e6. */
  hard?: number;
  /** What may be sent to a peer in one go, before it is known to be slow. One message is always taken. Default 64e6. */
  burst?: number;
  /**
   * Beyond this many bytes for all peers together, of which each packet counts 100 for itself, `soft` and `hard` are 64e3, and
   * `burst` is `hard`. Default 256e6.
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

/** The soft and the hard limit while the process is beyond its own. */
export const TIGHT = 64e3;

/** How long a peer may take from one poll to the next before it counts as slow, in milliseconds. */
export const POLL_GRACE = 1000;

const POLICIES: ReadonlySet<unknown> = new Set<SlowPolicy>(["keep", "drop-newest", "drop-oldest", "disconnect"]);

/**
 * Completes the options; one that is not given keeps its default.
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

/** The same for options that a program has changed in place: a value that they can't have changes nothing. */
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
