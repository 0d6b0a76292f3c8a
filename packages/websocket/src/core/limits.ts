import { constants } from "node:buffer";
import { limitOf, OptionError, reuseIfEqual } from "./option-error.ts";
import { ReceiveBudget } from "./receive-budget.ts";

/** The end of the connection: a client masks its frames, a server must not (RFC 6455, 5.1). */
export type Role = "server" | "client";

/** Limits on a peer (RFC 6455, 10.4). Each has a violation code in `violations.ts`. */
export interface Limits {
  /** Bytes of one message, all fragments included. Default 1 MiB. Exceeded: close code 1009. */
  readonly maxPayload: number;
  /**
   * Most frames of one message, plus one per `fragmentBytes` bytes of it. Default 1,024.
   * Exceeded: close code 1008.
   */
  readonly maxFragments: number;
  /**
   * Message bytes per additional frame, see `maxFragments`. A fragment costs a header to
   * parse and no memory, so only tiny and empty ones need a limit. Default 32; `Infinity`
   * makes `maxFragments` exact.
   */
  readonly fragmentBytes: number;
  /**
   * Ping, pong and close frames received within one second. Default 100. Exceeded: close code 1008.
   */
  readonly maxControlFramesPerSecond: number;
  /**
   * Bounds the memory of incomplete messages, across all connections that share it. Default none.
   * Exceeded: close code 1013.
   */
  readonly budget: ReceiveBudget | undefined;
}

/** The limits of a connection whose options set none. */
export const DEFAULT_LIMITS: Limits = {
  maxPayload: 1024 * 1024,
  maxFragments: 1024,
  fragmentBytes: 32,
  maxControlFramesPerSecond: 100,
  budget: undefined,
};

let latestLimits: Limits = DEFAULT_LIMITS;

/** Limits as options: any value, read as `ws` reads it. */
export type LimitOptions = { readonly [K in keyof Limits]?: unknown };

/**
 * Resolves limits. Consecutive connections with equal limits share one record. An explicit
 * `maxFragments` is exact: every frame counts. Zero, negative numbers and values that are
 * not numbers mean unlimited.
 * @throws OptionError for a `budget` that is not a ReceiveBudget
 */
export function limitsOf(options: LimitOptions): Limits {
  const { maxFragments, fragmentBytes } = options;
  const limits: Limits = {
    maxPayload: Math.min(limitOf(options.maxPayload, DEFAULT_LIMITS.maxPayload), constants.MAX_LENGTH),
    maxFragments: limitOf(maxFragments, DEFAULT_LIMITS.maxFragments),
    fragmentBytes: limitOf(fragmentBytes, maxFragments === undefined ? DEFAULT_LIMITS.fragmentBytes : Infinity),
    maxControlFramesPerSecond: limitOf(options.maxControlFramesPerSecond, DEFAULT_LIMITS.maxControlFramesPerSecond),
    budget: budgetOf(options.budget),
  };
  latestLimits = reuseIfEqual(latestLimits, limits);
  return latestLimits;
}

function budgetOf(budget: unknown): ReceiveBudget | undefined {
  if (budget instanceof ReceiveBudget) return budget;
  if (!budget) return undefined;
  throw new OptionError("`budget` must be a ReceiveBudget");
}
