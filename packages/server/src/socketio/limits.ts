import type { DecoderLimits } from "@portage/parser/socket";
import { isAbsent, limitFrom } from "../engine/index.ts";
import { bounded } from "../base/numbers.ts";

/** So many events at once, and so many more each second. */
export interface EventRate {
  /** Events per second. */
  rate: number;
  /** Events at once. Default: `rate`. */
  burst?: number;
}

/** What one client may make the server do or keep. Each limit has a code, see docs/limits.md. */
export interface SocketLimits {
  /** Namespaces that one connection may have joined. Default 256. Beyond: CONNECT_ERROR. */
  maxNamespaces: number;
  /**
   * Characters of JSON of the credentials (`auth`) that all namespaces of one connection keep together. Default 1e6; those
   * of up to 1000 don't count, and a single one may be of any size. Beyond: CONNECT_ERROR.
   */
  maxAuthSize: number;
  /** Namespaces made for clients, of which empty ones go first. Default 10000. Beyond: CONNECT_ERROR. */
  maxDynamicNamespaces: number;
  /** Rooms that one socket may be in. Default 10000. Beyond: `join()` has no effect and warns. */
  maxRooms: number;
  /** Acknowledgements that one socket may wait for. Default 10000. Beyond: the oldest is given up, with a warning. */
  maxPendingAcks: number;
  /** Events that one connection may send. Default: no limit. Beyond: the connection ends with `TOO_MANY_EVENTS`. */
  maxEventsPerSecond: number | EventRate;
  /** Time from one attachment of a packet to the next, in milliseconds. Default 30000. Beyond: `ATTACHMENTS_LATE`. */
  attachmentTimeout: number;
  /** What the built-in decoder accepts: depth, arguments, attachments, lengths of names. */
  packetLimits: Partial<DecoderLimits>;
}

/** The limits of a server; rates are undefined where there is none. */
export type ResolvedLimits = Readonly<
  Omit<SocketLimits, "maxEventsPerSecond"> & { maxEventsPerSecond: Required<EventRate> | undefined }
>;

const LIMIT_DEFAULTS = {
  maxNamespaces: 256,
  maxAuthSize: 1_000_000,
  maxDynamicNamespaces: 10_000,
  maxRooms: 10_000,
  maxPendingAcks: 10_000,
  attachmentTimeout: 30_000,
} as const satisfies Partial<SocketLimits>;

const NO_PACKET_LIMITS: Partial<DecoderLimits> = {};

/**
 * Completes the limits; an option that is not given keeps its default.
 *
 * @throws UsageError `OPTION_INVALID`
 */
export function resolveLimits(given: Partial<SocketLimits>): ResolvedLimits {
  const limit = (name: Exclude<keyof typeof LIMIT_DEFAULTS, "attachmentTimeout">, least: number): number =>
    limitFrom(name, given[name], least, LIMIT_DEFAULTS[name]);
  return {
    maxNamespaces: limit("maxNamespaces", 1),
    maxAuthSize: limit("maxAuthSize", 0),
    maxDynamicNamespaces: limit("maxDynamicNamespaces", 0),
    maxRooms: limit("maxRooms", 1),
    maxPendingAcks: limit("maxPendingAcks", 1),
    attachmentTimeout: bounded(given.attachmentTimeout, 0, Infinity, LIMIT_DEFAULTS.attachmentTimeout),
    packetLimits: given.packetLimits ?? NO_PACKET_LIMITS,
    maxEventsPerSecond: resolveRate(given.maxEventsPerSecond),
  };
}

/** The burst is one event at least: with less, none would ever pass. */
function resolveRate(given: unknown): Required<EventRate> | undefined {
  if (isAbsent(given)) return undefined;
  const option = (typeof given === "object" ? given : { rate: given }) as Partial<EventRate>;
  const rate = limitFrom("maxEventsPerSecond", option.rate, Number.MIN_VALUE, Infinity);
  if (rate === Infinity) return undefined;
  return { rate, burst: Math.max(1, limitFrom("maxEventsPerSecond.burst", option.burst, 0, rate)) };
}
