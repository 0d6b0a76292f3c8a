import type { LedgerLimits } from "@portage/parser/engine";
import { LONGEST_TIMEOUT } from "../../base/clock.ts";
import { isAbsent, limitFrom, refuseOption } from "../option-checks.ts";

/** How sessions survive the death of their transport. */
export interface CarryOptions {
  /** How long a session without a transport waits for its client, in milliseconds; at most 25 days. Default 10000. */
  window?: number;
  /**
   * Bytes (of text: characters) that are kept of what one client has not confirmed. The oldest go first; the last message
   * always stays. While the process keeps more than `slowReader.process`, clients with more than 64e3 lose all of it.
   * Default 262144.
   */
  maxBytes?: number;
  /** The same in packets. Default 512. */
  maxPackets?: number;
}

export interface CarryLimits extends LedgerLimits {
  readonly window: number;
}

const CARRY_DEFAULTS: CarryLimits = { window: 10_000, maxBytes: 262_144, maxPackets: 512 };

/**
 * Completes the option; undefined if sessions are not carried.
 *
 * @throws UsageError `OPTION_INVALID`
 */
export function resolveCarry(option: boolean | CarryOptions | undefined): CarryLimits | undefined {
  if (option === false) return undefined;
  if (isAbsent(option) || option === true) return CARRY_DEFAULTS;
  if (typeof option !== "object") return refuseOption("carry", "true, false or a record", option);
  return {
    // A longer timer would fire at once.
    window: Math.min(limitFrom("carry.window", option.window, 0, CARRY_DEFAULTS.window), LONGEST_TIMEOUT),
    maxBytes: limitFrom("carry.maxBytes", option.maxBytes, 0, CARRY_DEFAULTS.maxBytes),
    maxPackets: limitFrom("carry.maxPackets", option.maxPackets, 1, CARRY_DEFAULTS.maxPackets),
  };
}

/** The same for an option that a program may have changed in place: with an invalid value the default applies. */
export function carryLimits(option: boolean | CarryOptions | undefined): CarryLimits | undefined {
  try {
    return resolveCarry(option);
  } catch {
    return CARRY_DEFAULTS;
  }
}
