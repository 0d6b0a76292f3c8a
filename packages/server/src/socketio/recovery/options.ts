import { bounded } from "../../base/numbers.ts";

/** Options of the recovery of sessions after a temporary disconnection. */
export interface RecoveryOptions {
  /** For how many milliseconds a session is kept after the disconnection. Default: 120000. */
  maxDisconnectionDuration?: number;
  /** Whether a client that comes back is spared the middlewares. Default: true. */
  skipMiddlewares?: boolean;
  /**
   * For how many milliseconds packets are kept. Default: `maxDisconnectionDuration + pingInterval + pingTimeout`, because
   * that is how long a packet may have been lost before the server notices the loss of the client.
   */
  packetLifetime?: number;
  /** How many packets are kept for each namespace; then the oldest go. Default: 100000. */
  maxPackets?: number;
  /** How many bytes all kept packets of a namespace may have, as they are sent; then the oldest go. Default: 64 MiB. */
  maxPacketBytes?: number;
  /** How many disconnected sessions are kept for each namespace; then the oldest go. Default: 100000. */
  maxSessions?: number;
}

/** A client's silence is noticed within this many milliseconds where the heartbeat is not known: its default. */
const SILENCE = { pingInterval: 25_000, pingTimeout: 20_000 };

const RECOVERY_DEFAULTS = {
  maxDisconnectionDuration: 2 * 60 * 1000,
  skipMiddlewares: true,
  maxPackets: 100_000,
  maxPacketBytes: 64 * 1024 * 1024,
  maxSessions: 100_000,
} as const satisfies RecoveryOptions;

/** The options that a server was given, of which the heartbeat matters as well. */
/** Options of a server that recovery depends on. */
export interface RecoverySettings {
  readonly connectionStateRecovery?: RecoveryOptions | undefined;
  readonly pingInterval?: number | undefined;
  readonly pingTimeout?: number | undefined;
}

/** Completes the options of the recovery: what is not a number counts as not given. */
export function completeRecovery(given: RecoverySettings): Required<RecoveryOptions> {
  const options: RecoveryOptions = { ...given.connectionStateRecovery };
  const defaults = RECOVERY_DEFAULTS;
  const from = (option: unknown, fallback: number): number => bounded(option, 0, Infinity, fallback);
  const maxDisconnectionDuration = from(options.maxDisconnectionDuration, defaults.maxDisconnectionDuration);
  const silence = from(given.pingInterval, SILENCE.pingInterval) + from(given.pingTimeout, SILENCE.pingTimeout);
  return {
    maxDisconnectionDuration,
    // As in socket.io: undefined, when it is given, has them run.
    skipMiddlewares: "skipMiddlewares" in options ? (options.skipMiddlewares ?? false) : defaults.skipMiddlewares,
    packetLifetime: from(options.packetLifetime, maxDisconnectionDuration + silence),
    maxPackets: from(options.maxPackets, defaults.maxPackets),
    maxPacketBytes: from(options.maxPacketBytes, defaults.maxPacketBytes),
    maxSessions: from(options.maxSessions, defaults.maxSessions),
  };
}
