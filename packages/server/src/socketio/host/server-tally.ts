import type { ClusterReport } from "./cluster-report.ts";
import { count, type EngineReport, type Tally } from "../../engine/index.ts";
import type { RecoveryLimit } from "../report/limit-codes.ts";
import { SocketIoError, type SocketIoErrorCode } from "../report/errors.ts";

/** Codes of bus messages that were ignored; they are not failures of the adapter. */
export const CLUSTER_CODES: ReadonlySet<SocketIoErrorCode> = new Set<SocketIoErrorCode>([
  "CLUSTER_MESSAGE_INVALID",
  "CLUSTER_SIGNATURE_INVALID",
  "TOO_MANY_SERVERS",
]);

/** The codes of refused joins. */
export const CONNECT_CODES: readonly SocketIoErrorCode[] = [
  "UNKNOWN_NAMESPACE",
  "MIDDLEWARE_REFUSED",
  "MIDDLEWARE_FAILED",
  "TOO_MANY_NAMESPACES",
  "AUTH_TOO_LARGE",
  "TOO_MANY_DYNAMIC_NAMESPACES",
];

/** The result of `io.stats()`. */
export interface ServerReport extends EngineReport {
  /** Ignored messages of the cluster bus, and servers beyond the limit, by code. */
  readonly cluster: Tally;
  /** The other processes. Undefined without the option `cluster`. */
  readonly nodes?: ClusterReport;
  /** Refused joins of namespaces, by code. */
  readonly connectsRefused: Tally;
  /** Recovery of sessions. */
  readonly recovery: {
    /** Clients that resumed their session. */
    readonly recovered: number;
    /** Clients that could not resume, by code. */
    readonly refused: Tally;
    /** Sessions and packets dropped before they expired, by the option that bounds them. */
    readonly dropped: Tally;
  };
}

/** The counters of this layer. The engine has its own. */
export class ServerTally {
  /** Connected sockets in all namespaces. */
  sockets = 0;
  readonly #cluster: Tally<SocketIoErrorCode> = {};
  readonly #connectsRefused: Tally<SocketIoErrorCode> = {};
  readonly #refused: Tally<SocketIoErrorCode> = {};
  readonly #dropped: Tally<RecoveryLimit> = {};
  #recovered = 0;

  /** Counts a bus message that an adapter ignored. Other failures are not counted. */
  countAdapterFailure(error: unknown): void {
    if (error instanceof SocketIoError && CLUSTER_CODES.has(error.code)) count(this.#cluster, error.code);
  }

  /** Counts a refused join. */
  countConnectRefused(code: SocketIoErrorCode): void {
    count(this.#connectsRefused, code);
  }

  /** Counts a client's attempt to resume, successful or not. */
  countRecovery(outcome: unknown): void {
    if (outcome instanceof SocketIoError) count(this.#refused, outcome.code);
    else this.#recovered += 1;
  }

  /** Counts a session or packet dropped before it expired. */
  countDropped(limit: RecoveryLimit): void {
    count(this.#dropped, limit);
  }

  /** Returns the counters of both layers. */
  report(engine: EngineReport, nodes?: ClusterReport): ServerReport {
    const recovery = { recovered: this.#recovered, refused: { ...this.#refused }, dropped: { ...this.#dropped } };
    const connectsRefused = { ...this.#connectsRefused };
    return { ...engine, cluster: { ...this.#cluster }, ...(nodes && { nodes }), connectsRefused, recovery };
  }
}
