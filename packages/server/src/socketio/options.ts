import type { AttachOptions, ServerOptions as EngineOptions } from "../engine/index.ts";
import { InMemoryAdapter } from "./adapter/in-memory.ts";
import { SessionAwareAdapter } from "./recovery/session-aware.ts";
import type { AdapterConstructor } from "./adapter/adapter.ts";
import type { SocketLimits } from "./limits.ts";
import { completeRecovery, type RecoveryOptions } from "./recovery/options.ts";
import type { Untyped } from "./events/typed-events.ts";

/** Options of the server. Those of the engine may be given as well, and go on to it. */
export interface ServerOptions extends Omit<EngineOptions, "path">, Omit<AttachOptions, "path">, SocketLimits {
  /** Path of the requests of clients. Default: `"/socket.io"`. */
  path: string;
  /** Whether the files of the JavaScript client are served below the path. Default: true. */
  serveClient: boolean;
  /** Keeps the rooms and carries broadcasts: a class, or a function. Default: in memory, sessions included if recovery is on. */
  adapter: AdapterConstructor;
  /**
   * Signs what the servers of a cluster say to each other (HMAC-SHA256), and has what is not signed ignored
   * (`CLUSTER_SIGNATURE_INVALID`). Of several secrets the first signs, and all verify; each has 16 characters or more. Not
   * for adapters with a format of their own: `ADAPTER_CANNOT_SIGN`. Default: off.
   */
  clusterSecret: string | readonly string[];
  /**
   * Encodes and decodes packets, instead of the built-in JSON codec: `{ Encoder, Decoder }`. `any`, because parsers declare
   * packets of their own.
   */
  parser: Untyped;
  /** Time to join a first namespace, in milliseconds. Default: 45000. */
  connectTimeout: number;
  /** How long `io.close()` waits for what was sent to arrive, in milliseconds. Default: 1000. */
  closeTimeout: number;
  /** Lets clients take up their session again after a short disconnection; any object switches it on. Default: off. */
  connectionStateRecovery: RecoveryOptions;
  /** Whether namespaces that were made for a client go when the last client has left. Default: false. */
  cleanupEmptyChildNamespaces: boolean;
}

/** The defaults of this layer. */
export const DEFAULTS = {
  path: "/socket.io",
  serveClient: true,
  adapter: InMemoryAdapter as AdapterConstructor,
  connectTimeout: 45_000,
  closeTimeout: 1000,
  cleanupEmptyChildNamespaces: false,
} as const;

/** The adapter that is used when none is given. */
export function defaultAdapter(options: Partial<ServerOptions>): AdapterConstructor {
  return options.connectionStateRecovery ? SessionAwareAdapter : DEFAULTS.adapter;
}

/** Completes the options that others look up in `io.opts`; the caller's object is left alone. */
export function resolveOptions(given: Partial<ServerOptions>): Partial<ServerOptions> {
  // What is public may be logged.
  const { clusterSecret: _secret, ...known } = given;
  const options = { ...known, cleanupEmptyChildNamespaces: !!given.cleanupEmptyChildNamespaces };
  if (given.connectionStateRecovery) {
    const { maxDisconnectionDuration, skipMiddlewares } = completeRecovery(given);
    options.connectionStateRecovery = { ...given.connectionStateRecovery, maxDisconnectionDuration, skipMiddlewares };
  }
  return options;
}
