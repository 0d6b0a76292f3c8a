import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "../../base/clock.ts";
import type { IdleConnections } from "./idle-connections.ts";
import { hangUp } from "./middleware.ts";
import { asksForAnotherProtocol, giveBack, hasOtherTakers, takesWebSocketsOnly } from "./plain-upgrade.ts";
import { bounded } from "../../base/numbers.ts";
import { putInFront, type RequestListener } from "../../base/request-chain.ts";

/** Options of {@link Server.attach}. */
export interface AttachOptions {
  /** Path of the engine's requests. Default `"/engine.io"`. */
  path?: string;
  /** Whether upgrade requests without a taker are ended. Default true. */
  destroyUpgrade?: boolean;
  /** After how many milliseconds. Default 1000. */
  destroyUpgradeTimeout?: number;
  /** Whether the path must be followed by a slash. Default true. */
  addTrailingSlash?: boolean;
}

/** How long others have to take an upgrade that is not the engine's, in milliseconds. */
const UPGRADE_PATIENCE = 1000;

/** An HTTP server whose requests the engine takes. */
export interface AttachedHost {
  readonly idle: IdleConnections;
  readonly isMine: (req: Pick<IncomingMessage, "url">) => boolean;
}

/** What takes the requests of a host. */
export interface Taker {
  readonly clock: Clock;
  isAttached(): boolean;
  handleRequest(req: IncomingMessage, res: ServerResponse): void;
  handleUpgrade(req: IncomingMessage, stream: Duplex, head: Buffer): void;
}

const ignoreStreamError = (): void => {};

/** Takes what is the engine's; all other requests reach the listeners that were there before. */
export function takeRequests(server: HttpServer, { isMine }: AttachedHost, taker: Taker): RequestListener {
  return putInFront(server, (req, res) => {
    const isTaken = isMine(req);
    if (isTaken) taker.handleRequest(req, res);
    return isTaken;
  });
}

/** Takes the WebSockets that are the engine's, and ends those of others that are not answered. */
export function takeUpgrades(
  server: HttpServer,
  { idle, isMine }: AttachedHost,
  taker: Taker,
  options: AttachOptions,
): void {
  const { destroyUpgrade, destroyUpgradeTimeout } = options;
  const patience = bounded(destroyUpgradeTimeout || undefined, 0, Infinity, UPGRADE_PATIENCE);
  idle.watchUpgrades();
  const onUpgrade = (req: IncomingMessage, stream: Duplex, head: Buffer): void => {
    if (!taker.isAttached()) return;
    const isPlain = asksForAnotherProtocol(req);
    if (isPlain && (isMine(req) || !hasOtherTakers(server))) return giveBack(server, req, stream, head);
    if (isMine(req)) return taker.handleUpgrade(req, stream, head);
    // Not ours, but a reset of it must not end the process while nothing else listens.
    stream.on("error", ignoreStreamError);
    if (destroyUpgrade === false) return;
    const written = bytesWritten(stream);
    taker.clock.after(patience, () => {
      if (!stream.writable || bytesWritten(stream) > written) return;
      if (isPlain && stream.readableFlowing === null) giveBack(server, req, stream, head);
      else hangUp(stream);
    });
  };
  server.on("upgrade", takesWebSocketsOnly(onUpgrade));
}

/** It may have carried answers before. */
const bytesWritten = (stream: Duplex & { bytesWritten?: number }): number => stream.bytesWritten ?? 0;
