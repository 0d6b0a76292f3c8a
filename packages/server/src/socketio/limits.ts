import type { DecoderLimits } from "@portage/parser/socket";
import { isAbsent, limitFrom } from "../engine/index.ts";
import { bounded } from "../base/numbers.ts";

/** A rate of events, as a token bucket. */
export interface EventRate {
  /** Events per second on average. */
  rate: number;
  /** Events that may come at once. Default: `rate`. */
  burst?: number;
}

/** Bounds of the work and memory that one client may cause. Each limit has a code; see docs/limits.md. */
export interface SocketLimits {
  /** Namespaces that one connection may join. Default: 256. Beyond: CONNECT_ERROR `TOO_MANY_NAMESPACES`. */
  maxNamespaces: number;
  /**
   * Total size of the credentials (`auth`) of one connection, in characters of JSON. Credentials of up to 1000 characters do
   * not count, and those for a single namespace may have any size. Default: 1000000. Beyond: CONNECT_ERROR `AUTH_TOO_LARGE`.
   */
  maxAuthSize: number;
  /**
   * Namespaces created because clients asked for them. At the limit, empty ones are removed first. Default: 10000. Beyond:
   * CONNECT_ERROR `TOO_MANY_DYNAMIC_NAMESPACES`.
   */
  maxDynamicNamespaces: number;
  /** Rooms that one socket may join. Default: 10000. Beyond: `join()` has no effect and warns (`TOO_MANY_ROOMS`). */
  maxRooms: number;
  /** Pending acknowledgements of one socket. Default: 10000. Beyond: the oldest is dropped with a warning (`TOO_MANY_ACKS`). */
  maxPendingAcks: number;
  /**
   * Events per second that one connection may send. Default: unlimited. Beyond: the connection ends (`TOO_MANY_EVENTS`).
   *
   * @example
   * const io = new Server(3000, { maxEventsPerSecond: { rate: 20, burst: 100 } });
   */
  maxEventsPerSecond: number | EventRate;
  /**
   * Time from one attachment of a packet to the next, in milliseconds. Default: 30000. Beyond: the connection ends
   * (`ATTACHMENTS_LATE`).
   */
  attachmentTimeout: number;
  /** Limits of the built-in decoder: depth, arguments, attachments, lengths of names. Default: see docs/limits.md. */
  packetLimits: Partial<DecoderLimits>;
}

/** The limits of a server. The rate is undefined when it is unlimited. */
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
 * Fills in the defaults of missing limits.
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

/** Fills in the burst, at least one event: with less, the bucket would admit nothing. */
function resolveRate(given: unknown): Required<EventRate> | undefined {
  if (isAbsent(given)) return undefined;
  const option = (typeof given === "object" ? given : { rate: given }) as Partial<EventRate>;
  const rate = limitFrom("maxEventsPerSecond", option.rate, Number.MIN_VALUE, Infinity);
  if (rate === Infinity) return undefined;
  return { rate, burst: Math.max(1, limitFrom("maxEventsPerSecond.burst", option.burst, 0, rate)) };
}
