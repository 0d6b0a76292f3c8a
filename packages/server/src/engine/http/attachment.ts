import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "../../base/clock.ts";
import type { IdleConnections } from "./idle-connections.ts";
import { takeConnects } from "./connects.ts";
import { isHttp2 } from "./http2.ts";
import { hangUp } from "./middleware.ts";
import { asksForAnotherProtocol, giveBack, hasOtherTakers, takesWebSocketsOnly } from "./plain-upgrade.ts";
import { bounded } from "../../base/numbers.ts";
import { putInFront, type RequestListener } from "../../base/request-chain.ts";

/** Options of {@link Server.attach}. */
export interface AttachOptions {
  /** Path of the engine's requests. Default `"/engine.io"`. */
  path?: string;
  /** Whether the engine ends upgrade requests that no listener handles. Default true. */
  destroyUpgrade?: boolean;
  /** Milliseconds before it ends them. Default 1000. */
  destroyUpgradeTimeout?: number;
  /** Whether the path must be followed by a slash. Default true. */
  addTrailingSlash?: boolean;
}

/** Milliseconds for other listeners to handle an upgrade. */
const UPGRADE_PATIENCE = 1000;

/** An HTTP server that the engine is attached to. */
export interface AttachedHost {
  readonly idle: IdleConnections;
  readonly isMine: (req: Pick<IncomingMessage, "url">) => boolean;
}

/** The part of the engine that handles a server's requests. */
export interface Taker {
  readonly clock: Clock;
  isAttached(): boolean;
  handleRequest(req: IncomingMessage, res: ServerResponse): void;
  handleUpgrade(req: IncomingMessage, stream: Duplex, head: Buffer): void;
  handleConnect(req: IncomingMessage, res: ServerResponse): void;
}

const ignoreStreamError = (): void => {};

/** Handles the engine's requests; all others reach the earlier listeners. */
export function takeRequests(server: HttpServer, { isMine }: AttachedHost, taker: Taker): RequestListener {
  return putInFront(server, (req, res) => {
    const isTaken = isMine(req);
    if (isTaken) taker.handleRequest(req, res);
    return isTaken;
  });
}

/** Handles the engine's WebSockets, and ends other upgrades and CONNECTs that no listener answers. */
export function takeWebSockets(server: HttpServer, host: AttachedHost, taker: Taker, options: AttachOptions): void {
  const { destroyUpgrade, destroyUpgradeTimeout } = options;
  const patience = bounded(destroyUpgradeTimeout || undefined, 0, Infinity, UPGRADE_PATIENCE);
  const afterPatience = (fn: () => void): void => {
    if (destroyUpgrade !== false) taker.clock.after(patience, fn);
  };
  takeUpgrades(server, host, taker, afterPatience);
  if (!isHttp2(server)) return;
  host.idle.watchUpgrades("connect");
  takeConnects(server, {
    isMine: host.isMine,
    handleConnect: (req, res) => taker.handleConnect(req, res),
    afterPatience,
  });
}

function takeUpgrades(
  server: HttpServer,
  { idle, isMine }: AttachedHost,
  taker: Taker,
  afterPatience: (fn: () => void) => void,
): void {
  idle.watchUpgrades("upgrade");
  const onUpgrade = (req: IncomingMessage, stream: Duplex, head: Buffer): void => {
    if (!taker.isAttached()) return;
    const isPlain = asksForAnotherProtocol(req);
    if (isPlain && (isMine(req) || !hasOtherTakers(server))) return giveBack(server, req, stream, head);
    if (isMine(req)) return taker.handleUpgrade(req, stream, head);
    // Not the engine's, but a reset must not end the process if nothing else listens.
    stream.on("error", ignoreStreamError);
    const written = writtenBefore.get(stream) ?? 0;
    afterPatience(() => {
      if (!stream.writable || bytesWritten(stream) > written) return;
      if (isPlain && stream.readableFlowing === null) giveBack(server, req, stream, head);
      else hangUp(stream);
    });
  };
  server.on("upgrade", takesWebSocketsOnly(onUpgrade));
  // Before all listeners: one of them may have answered when the engine is called.
  const onFirst = (_req: IncomingMessage, stream: Duplex): void => void writtenBefore.set(stream, bytesWritten(stream));
  server.prependListener("upgrade", takesWebSocketsOnly(onFirst));
}

/** Bytes that were written to a stream before its upgrade request. */
const writtenBefore = new WeakMap<Duplex, number>();

/** Earlier responses on the same connection count too. */
const bytesWritten = (stream: Duplex & { bytesWritten?: number }): number => stream.bytesWritten ?? 0;
