import { type EventReport, type EventTally, OTHER } from "./event-tally.ts";
import type { ClusterReport } from "./cluster-report.ts";
import { count, type EngineReport, type Tally } from "../../engine/index.ts";
import type { HandlerKind } from "../../base/handler-errors.ts";
import type { RecoveryLimit } from "../report/limit-codes.ts";
import { SERVER_VERSION } from "./version.ts";
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

/** The most namespaces in a report. */
const MOST_NAMESPACES = 50;

/** What a namespace has. */
export interface NamespaceReport {
  /** Connected sockets. */
  readonly sockets: number;
  /** Rooms, each socket's own room included. Undefined if the adapter does not say. */
  readonly rooms?: number | undefined;
}

/** A namespace, whose adapter may be of another package. */
interface CountedNamespace {
  readonly sockets: { readonly size: number };
  readonly adapter: { readonly rooms?: unknown };
}

/** Reads two sizes of Maps, and walks neither. */
const reportNamespace = ({ sockets, adapter: { rooms } }: CountedNamespace): NamespaceReport => ({
  sockets: sockets.size,
  rooms: rooms instanceof Map ? rooms.size : undefined,
});

/** The server that reports. */
export interface InstanceReport {
  /** The version of this package. */
  readonly version: string;
  /** The tag of the node; empty without the option `cluster`, and until the node has joined. */
  readonly node: string;
  /** When the server was created, in milliseconds since 1970. */
  readonly startedAt: number;
}

/** The result of `io.stats()`. */
export interface ServerReport extends EngineReport {
  /** The server itself. */
  readonly instance: InstanceReport;
  /**
   * The first 50 namespaces that the program has named. `_OTHER` has the sockets of all others: clients choose names of
   * dynamic namespaces.
   */
  readonly namespaces: Readonly<Record<string, NamespaceReport>>;
  /** Errors of the program's own functions, by the handler of `handler_error`. */
  readonly handlerErrors: Tally;
  /** Acknowledgements that did not arrive in time; a broadcast counts once. */
  readonly ackTimeouts: number;
  /** Ignored messages of the cluster bus, and servers beyond the limit, by code. */
  readonly cluster: Tally;
  /** The other processes. Undefined without the option `cluster`. */
  readonly nodes?: ClusterReport;
  /**
   * Counts by namespace and event: the names of the option `eventMetrics`, and `_OTHER`. Undefined without the option.
   */
  readonly events?: Readonly<Record<string, Readonly<Record<string, EventReport>>>>;
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

/** All namespaces by name; the tally knows which of them it reports. */
type Namespaces = ReadonlyMap<string, CountedNamespace>;

/** The counters of this layer. The engine has its own. */
export class ServerTally {
  /** Connected sockets in all namespaces. */
  sockets = 0;
  /** Acknowledgements that did not arrive in time. */
  ackTimeouts = 0;
  /** The counts of the option `eventMetrics`. Undefined without the option. */
  events: EventTally | undefined;
  readonly #startedAt = Date.now();
  /** Namespaces that the program has named. */
  readonly #named: Set<string> = new Set();
  readonly #handlerErrors: Tally<HandlerKind> = {};
  readonly #cluster: Tally<SocketIoErrorCode> = {};
  readonly #connectsRefused: Tally<SocketIoErrorCode> = {};
  readonly #refused: Tally<SocketIoErrorCode> = {};
  readonly #dropped: Tally<RecoveryLimit> = {};
  #recovered = 0;

  /** Takes a namespace into the report, unless there are too many. */
  addNamespace(name: string): void {
    if (this.#named.size >= MOST_NAMESPACES) return;
    this.#named.add(name);
    this.events?.addNamespace(name);
  }

  /** Counts a failure of a function of the program. A bus message that an adapter ignores is not one. */
  countHandlerError(handler: HandlerKind, error: unknown): void {
    const isIgnored = handler === "adapter" && error instanceof SocketIoError && CLUSTER_CODES.has(error.code);
    if (isIgnored) count(this.#cluster, error.code);
    else count(this.#handlerErrors, handler);
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
  report(
    engine: EngineReport,
    all: Namespaces,
    cluster?: { readonly tag: string; report(): ClusterReport | undefined },
  ): ServerReport {
    const nodes = cluster?.report();
    return {
      ...engine,
      instance: { version: SERVER_VERSION, node: cluster?.tag ?? "", startedAt: this.#startedAt },
      namespaces: this.#reportNamespaces(all),
      handlerErrors: { ...this.#handlerErrors },
      ackTimeouts: this.ackTimeouts,
      cluster: { ...this.#cluster },
      ...(nodes && { nodes }),
      ...(this.events && { events: this.events.report() }),
      connectsRefused: { ...this.#connectsRefused },
      recovery: { recovered: this.#recovered, refused: { ...this.#refused }, dropped: { ...this.#dropped } },
    };
  }

  #reportNamespaces(all: Namespaces): Record<string, NamespaceReport> {
    const namespaces: Record<string, NamespaceReport> = {};
    let others = this.sockets;
    for (const name of this.#named) {
      const namespace = all.get(name);
      // A program may have removed it from the map.
      if (namespace === undefined) continue;
      namespaces[name] = reportNamespace(namespace);
      others -= namespace.sockets.size;
    }
    namespaces[OTHER] = { sockets: Math.max(0, others) };
    return namespaces;
  }
}
