import type { AttachOptions, ServerOptions as EngineOptions } from "../engine/index.ts";
import { InMemoryAdapter } from "./adapter/in-memory.ts";
import { SessionAwareAdapter } from "./recovery/session-aware.ts";
import type { AdapterConstructor } from "./adapter/adapter.ts";
import type { Cluster } from "./cluster.ts";
import type { SocketLimits } from "./limits.ts";
import { completeRecovery, type RecoveryOptions } from "./recovery/options.ts";
import type { Untyped } from "./events/typed-events.ts";

/** Options of the server, including the options of the engine. */
export interface ServerOptions
  extends Omit<EngineOptions, "path" | "cluster">, Omit<AttachOptions, "path">, SocketLimits {
  /** The path of client requests. Default: `"/socket.io"`. */
  path: string;
  /** Whether to serve the files of the JavaScript client below `path`. Default: true. */
  serveClient: boolean;
  /**
   * A class or a function that creates the adapter of a namespace, which stores rooms and delivers broadcasts. Default: in
   * memory, with stored sessions if `connectionStateRecovery` is on.
   */
  adapter: AdapterConstructor;
  /**
   * The other processes that serve the same clients, for example `localCluster()` of `@portage/cluster`. Each answers any request
   * of any session, so that balancers need not be sticky, and broadcasts reach the clients of all, unless you set `adapter`.
   * Default: none.
   *
   * @example
   * const io = new Server(3000, { cluster: localCluster() }); // in each worker of node:cluster
   */
  cluster: Cluster;
  /**
   * One or more secrets that sign messages between the servers of a cluster (HMAC-SHA256), at least 16 characters each. The
   * first signs, all verify; messages without a valid signature are ignored (`CLUSTER_SIGNATURE_INVALID`). Adapters with their
   * own message format can't sign (`ADAPTER_CANNOT_SIGN`). Default: off.
   *
   * @example
   * // To replace a secret without downtime, list the new one second, then first, then alone.
   * const io = new Server({ clusterSecret: ["the-new-secret-of-32-characters!", "the-old-secret-of-32-characters!"] });
   */
  clusterSecret: string | readonly string[];
  /**
   * A packet codec `{ Encoder, Decoder }` like `socket.io-parser`. `any`, because parsers declare their own packets. Default:
   * the built-in JSON codec.
   */
  parser: Untyped;
  /** Time that a connection has to join its first namespace, in milliseconds. Default: 45000. */
  connectTimeout: number;
  /** Time that `io.close()` gives queued data to arrive, in milliseconds. Default: 1000. */
  closeTimeout: number;
  /**
   * Lets clients resume their session after a short disconnection, with rooms, data and missed events. Any object switches
   * it on. Default: off.
   *
   * @example
   * const io = new Server(3000, { connectionStateRecovery: { maxDisconnectionDuration: 60_000 } });
   * io.on("connection", (socket) => console.log(socket.recovered ? "resumed" : "new", socket.id));
   */
  connectionStateRecovery: RecoveryOptions;
  /**
   * Names of events to count and time. `io.stats()` and `io.metrics()` report them; all other events count together as
   * `_OTHER`. Default: off.
   *
   * @example
   * const io = new Server(3000, { eventMetrics: ["chat", "order"] });
   */
  eventMetrics: readonly string[];
  /** Whether to remove dynamic namespaces when their last client leaves. Default: false. */
  cleanupEmptyChildNamespaces: boolean;
}

/** The defaults of this layer. */
export const SOCKETIO_DEFAULTS = {
  path: "/socket.io",
  serveClient: true,
  adapter: InMemoryAdapter as AdapterConstructor,
  connectTimeout: 45_000,
  closeTimeout: 1000,
  cleanupEmptyChildNamespaces: false,
} as const;

/** Returns the adapter to use without the option `adapter`. */
export function defaultAdapter(options: Partial<ServerOptions>): AdapterConstructor {
  const { cluster } = options;
  if (cluster) return (nsp) => cluster.createAdapter(nsp);
  return options.connectionStateRecovery ? SessionAwareAdapter : SOCKETIO_DEFAULTS.adapter;
}

/** Returns a copy of the options with the defaults that adapters and tools read from `io.opts`. */
export function resolveServerOptions(given: Partial<ServerOptions>): Partial<ServerOptions> {
  // Without the secret, since programs may log `io.opts`.
  const { clusterSecret: _secret, ...known } = given;
  const options = { ...known, cleanupEmptyChildNamespaces: !!given.cleanupEmptyChildNamespaces };
  if (given.connectionStateRecovery) {
    const { maxDisconnectionDuration, skipMiddlewares } = completeRecovery(given);
    options.connectionStateRecovery = { ...given.connectionStateRecovery, maxDisconnectionDuration, skipMiddlewares };
  }
  return options;
}
