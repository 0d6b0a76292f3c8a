import { constants } from "node:buffer";
import { limitOf, OptionError } from "./option-error.ts";
import { ReceiveBudget } from "./receive-budget.ts";

/** Which end of the connection this is: a client masks what it sends, a server must not (RFC 6455, 5.1). */
export type Role = "server" | "client";

/** What a peer may make this end hold or do (RFC 6455, 10.4). Each limit has a violation code in `violations.ts`. */
export interface Limits {
  /** Bytes of one message, all its fragments together. Default 1 MiB. Exceeded: close code 1009. */
  readonly maxPayload: number;
  /** Frames of one message that carry less than `fragmentBytes` on average. Default 1,024. Exceeded: close code 1008. */
  readonly maxFragments: number;
  /**
   * One more frame is allowed for so many bytes of the message: a fragment costs a header to parse, no memory, so it is
   * tiny and empty ones that have to be counted. Default 32; `Infinity` makes `maxFragments` exact.
   */
  readonly fragmentBytes: number;
  /** Ping, pong and close frames received within one second. Default 100. Exceeded: close code 1008. */
  readonly maxControlFramesPerSecond: number;
  /** What messages that are not complete hold, of all connections that share it. Default none. Exceeded: close code 1013. */
  readonly budget: ReceiveBudget | undefined;
}

export const DEFAULT_LIMITS: Limits = {
  maxPayload: 1024 * 1024,
  maxFragments: 1024,
  fragmentBytes: 32,
  maxControlFramesPerSecond: 100,
  budget: undefined,
};

let latest: Limits = DEFAULT_LIMITS;

/** Limits as options give them: any value, read as `ws` reads it. */
export type LimitOptions = { readonly [K in keyof Limits]?: unknown };

/**
 * The limits that options stand for: one record for all connections in a row that have the same. A `maxFragments` of one's
 * own is exact: every frame counts. Zero, negative numbers and what is not a number are no limit.
 * @throws OptionError for a `budget` that is not a ReceiveBudget.
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
  if (!areEqual(limits, latest)) latest = limits;
  return latest;
}

function budgetOf(budget: unknown): ReceiveBudget | undefined {
  if (budget instanceof ReceiveBudget) return budget;
  if (!budget) return undefined;
  throw new OptionError("budget is not a ReceiveBudget");
}

function areEqual(one: Limits, other: Limits): boolean {
  return (
    one.maxPayload === other.maxPayload &&
    one.maxFragments === other.maxFragments &&
    one.fragmentBytes === other.fragmentBytes &&
    one.maxControlFramesPerSecond === other.maxControlFramesPerSecond &&
    one.budget === other.budget
  );
}
