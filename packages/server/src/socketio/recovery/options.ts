import { bounded } from "../../base/numbers.ts";
import { carryLimits, type CarryOptions, kSlowReader } from "../../engine/index.ts";

/**
 * Options of connection state recovery: clients resume their sessions after a temporary disconnection. A value that is not
 * a number counts as missing.
 */
export interface RecoveryOptions {
  /** How long a session can be resumed after the disconnection, in milliseconds. Default: 120000. */
  maxDisconnectionDuration?: number;
  /** Whether resumed sessions skip the middlewares of the namespace. Default: true. */
  skipMiddlewares?: boolean;
  /**
   * How long packets are stored, in milliseconds. Default: `maxDisconnectionDuration + pingInterval + pingTimeout +
   * carry.window`, because the server may notice a lost client that much later. With a shorter time, a client is refused if
   * events that it may have missed have expired.
   */
  packetLifetime?: number;
  /** Packets stored per namespace; one more drops the oldest. Default: 100000. */
  maxPackets?: number;
  /** Encoded bytes of the packets stored per namespace; more drops the oldest. Default: 67108864 (64 MiB). */
  maxPacketBytes?: number;
  /** Disconnected sessions stored per namespace; one more drops the oldest. Default: 100000. */
  maxSessions?: number;
}

/** The options with defaults filled in. */
export interface ResolvedRecovery extends Required<RecoveryOptions> {
  /** The server notices a lost client at most this much later, in milliseconds. */
  readonly noticeTime: number;
}

/** The defaults of the heartbeat, in milliseconds, for adapters without a server. */
const SILENCE = { pingInterval: 25_000, pingTimeout: 20_000 };

const RECOVERY_DEFAULTS = {
  maxDisconnectionDuration: 2 * 60 * 1000,
  skipMiddlewares: true,
  maxPackets: 100_000,
  maxPacketBytes: 64 * 1024 * 1024,
  maxSessions: 100_000,
} as const satisfies RecoveryOptions;

/** The server's options that recovery depends on. */
export interface RecoverySettings {
  readonly connectionStateRecovery?: RecoveryOptions | undefined;
  readonly pingInterval?: number | undefined;
  readonly pingTimeout?: number | undefined;
  readonly carry?: boolean | CarryOptions | undefined;
}

/** Returns the most bytes of missed events for one client: with more in its queue, it could be ended as a slow reader. */
export function replayLimit(server: object): number {
  // Adapters may be used without an engine.
  const { engine } = server as { readonly engine?: { readonly [kSlowReader]?: { readonly hard: number } } };
  return engine?.[kSlowReader]?.hard ?? Infinity;
}

/** Fills in defaults. A value that is not a number counts as missing. */
export function completeRecovery(given: RecoverySettings): ResolvedRecovery {
  const options: RecoveryOptions = { ...given.connectionStateRecovery };
  const defaults = RECOVERY_DEFAULTS;
  const from = (option: unknown, fallback: number): number => bounded(option, 0, Infinity, fallback);
  const maxDisconnectionDuration = from(options.maxDisconnectionDuration, defaults.maxDisconnectionDuration);
  const silence = from(given.pingInterval, SILENCE.pingInterval) + from(given.pingTimeout, SILENCE.pingTimeout);
  const noticeTime = silence + (carryLimits(given.carry)?.window ?? 0);
  return {
    maxDisconnectionDuration,
    // As in socket.io, an explicit undefined runs the middlewares.
    skipMiddlewares: "skipMiddlewares" in options ? (options.skipMiddlewares ?? false) : defaults.skipMiddlewares,
    packetLifetime: from(options.packetLifetime, maxDisconnectionDuration + noticeTime),
    maxPackets: from(options.maxPackets, defaults.maxPackets),
    maxPacketBytes: from(options.maxPacketBytes, defaults.maxPacketBytes),
    maxSessions: from(options.maxSessions, defaults.maxSessions),
    noticeTime,
  };
}
