import { count, type EngineReport, type Tally } from "../../engine/index.ts";
import { SocketIoError, type SocketIoErrorCode } from "../report/errors.ts";

/** The options that bound what is kept for clients that may come back. */
export type RecoveryLimit = (typeof RECOVERY_LIMITS)[number];
export const RECOVERY_LIMITS = ["maxSessions", "maxPackets", "maxPacketBytes"] as const;

/** What is told of a bus without being anybody's failure. */
export const CLUSTER_CODES: ReadonlySet<SocketIoErrorCode> = new Set<SocketIoErrorCode>([
  "CLUSTER_MESSAGE_INVALID",
  "CLUSTER_SIGNATURE_INVALID",
  "TOO_MANY_SERVERS",
]);

/** Why clients are not let into a namespace. */
export const CONNECT_CODES: readonly SocketIoErrorCode[] = [
  "UNKNOWN_NAMESPACE",
  "MIDDLEWARE_REFUSED",
  "MIDDLEWARE_FAILED",
  "TOO_MANY_NAMESPACES",
  "AUTH_TOO_LARGE",
  "TOO_MANY_DYNAMIC_NAMESPACES",
];

/** What `io.stats()` says. */
export interface ServerReport extends EngineReport {
  /** What came from the bus of the cluster and was ignored, or who was not waited for, by code. */
  readonly cluster: Tally;
  /** Clients that were not let into a namespace, by code. */
  readonly connectsRefused: Tally;
  readonly recovery: {
    /** Clients that took their session up again. */
    readonly recovered: number;
    /** Clients that asked for an earlier session in vain, by code. */
    readonly refused: Tally;
    /** Sessions (`maxSessions`) and packets that had to go before their time, by option. */
    readonly dropped: Tally;
  };
}

/** What a server counts by itself: plain numbers. The engine counts the rest. */
export class ServerTally {
  /** Sockets that are connected, in all namespaces. */
  sockets = 0;
  readonly #cluster: Tally<SocketIoErrorCode> = {};
  readonly #connectsRefused: Tally<SocketIoErrorCode> = {};
  readonly #refused: Tally<SocketIoErrorCode> = {};
  readonly #dropped: Tally<RecoveryLimit> = {};
  #recovered = 0;

  /** An adapter tells what it has ignored, or has failed: that is not counted. */
  onAdapterFailure(error: unknown): void {
    if (error instanceof SocketIoError && CLUSTER_CODES.has(error.code)) count(this.#cluster, error.code);
  }

  /** A client was not let into a namespace. */
  onConnectRefused(code: SocketIoErrorCode): void {
    count(this.#connectsRefused, code);
  }

  /** A client has asked for an earlier session. */
  onRecovery(outcome: unknown): void {
    if (outcome instanceof SocketIoError) count(this.#refused, outcome.code);
    else this.#recovered += 1;
  }

  /** Something that was kept for a client had to go before its time. */
  onDropped(limit: RecoveryLimit): void {
    count(this.#dropped, limit);
  }

  /** Adds what is counted here to what the engine has counted. */
  report(engine: EngineReport): ServerReport {
    const recovery = { recovered: this.#recovered, refused: { ...this.#refused }, dropped: { ...this.#dropped } };
    return { ...engine, cluster: { ...this.#cluster }, connectsRefused: { ...this.#connectsRefused }, recovery };
  }
}
