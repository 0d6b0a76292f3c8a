/*
 * The seam for clusters: requests whose session another process may have.
 * Knows: requests, handshakes, responses and refusals.
 * Must not know: how processes find and reach each other. The option `cluster` supplies that.
 *
 * A cluster connects to each engine and returns a relay. The engine asks the relay about every request before its
 * middlewares run, so that they run once, in the process that has the session. The relay answers requests of other
 * processes' sessions with the answers of those, and passes requests that arrive from other processes to the engine.
 */
import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "../../base/clock.ts";
import type { StreamHandshake } from "../admission/stream-handshake.ts";
import type { TransportRequest } from "../http/request.ts";
import type { RefusalName } from "../report/refusals.ts";

/** Why a relay refuses a request. */
export interface RelayRefusal {
  /** A row of the refusals of the engine. */
  readonly name: RefusalName;
  /** Details for `connection_error` listeners. */
  readonly context?: Readonly<Record<string, unknown>>;
  /** The sentence for the client. Default: the message of the table. */
  readonly message?: string;
  /** Delay before the client should try again, in milliseconds. */
  readonly retryAfter?: number;
}

/**
 * What happens to a request: `local`, the engine handles it; `taken`, the relay has taken it and will answer it, or return it
 * to the engine; or the engine runs its middlewares and refuses it.
 */
export type RelayVerdict = "local" | "taken" | RelayRefusal;

/** How fast clients are moved. */
export interface DrainPace {
  /** Milliseconds until the rest is ended at once. */
  readonly deadline: number;
  /** Calls `act` for each item, in small groups, so that the clients do not all reconnect at once. */
  each<Item>(items: readonly Item[], act: (item: Item) => void): void;
}

/** What a cluster does for one engine. */
export interface SessionRelay {
  /** Returns the id of a new session; it names this process. */
  makeId(): string;
  /** Whether an id that the program has generated names this process. */
  isOwnId(id: string): boolean;
  /** Decides about a poll, a POST or an HTTP handshake. */
  route(req: TransportRequest, res: ServerResponse): RelayVerdict;
  /** Decides about a WebSocket handshake. */
  routeHandshake(req: TransportRequest, handshake: StreamHandshake): RelayVerdict;
  /** Decides about what the program passes to the engine: a session of WebTransport. It can't go to another process. */
  routePassedIn(req: TransportRequest): "local" | RelayRefusal;
  /** Called when an HTTP server of the engine listens, for the first time or again. */
  listening(server: HttpServer): void;
  /**
   * Called when the engine starts to drain or to shut down: it opens no more sessions.
   *
   * @returns resolves when this process carries nothing more for others, or at the deadline
   */
  draining(pace: DrainPace): Promise<void>;
  /**
   * Called when the sessions of an engine that shuts down have ended.
   *
   * @returns resolves when no answer of other processes is under way, after a second at most
   */
  settle(): Promise<void>;
  /**
   * Called when the engine closes. Its sessions have ended. Requests that it has accepted before may still be routed, until it
   * opens again with a new relay.
   */
  close(): void;
}

/** The part of an engine that its relay uses. */
export interface RelayHost {
  /**
   * Whether the engine is beside the server of the node: its requests go where their sessions are, and the node neither counts
   * its sessions nor waits for it. Default: false.
   */
  readonly isGuest?: boolean;
  /** The clock of the server, which tests may replace. */
  readonly clock: Clock;
  /** Whether this engine has the session. */
  has(sid: string): boolean;
  /** Whether a poll of the session waits for its answer. */
  hasPoll(sid: string): boolean;
  /** Number of open sessions. */
  count(): number;
  /** Handles a request that arrived at another process. */
  handleRequest(req: IncomingMessage, res: ServerResponse): void;
  /** Handles a WebSocket handshake that arrived at another process. */
  handleUpgrade(req: IncomingMessage, stream: Duplex, head: Buffer): void;
  /**
   * Moves the client of a WebSocket away, because the process that it is connected to leaves. A client that can return to its
   * session does so; otherwise the session ends as if this engine drained.
   *
   * @param stream the one passed to `handleUpgrade`
   */
  releaseStream(sid: string, stream: Duplex): void;
  /** Handles a handshake that the relay has taken, and returns to the engine. */
  handleHandshake(req: TransportRequest, handshake: StreamHandshake): void;
  /** Answers a poll that arrived here, for a session of another process, with a noop: its client polls again. */
  answerEmpty(req: TransportRequest, res: ServerResponse): void;
  /** Answers the pending poll of a session, with a noop if nothing is queued. */
  answerPoll(sid: string): void;
  /** Runs the middlewares, so that pages of other origins can read the answer, and refuses the request. */
  refuse(req: TransportRequest, res: ServerResponse, refusal: RelayRefusal): void;
  /** The same for a WebSocket handshake. */
  refuseHandshake(req: TransportRequest, handshake: StreamHandshake, refusal: RelayRefusal): void;
}

/** The option `cluster` of an engine. */
export interface EngineCluster {
  /** Connects an engine to the cluster. */
  connect(host: RelayHost): SessionRelay;
}
