import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http";
import type { Http2ServerResponse, ServerHttp2Stream } from "node:http2";
import type { Duplex } from "node:stream";
import { checkConnect, refuseConnect } from "@portage/websocket";
import { runNextTick } from "../../base/turn.ts";
import { hasOtherTakers, takesWebSocketsOnly } from "./plain-upgrade.ts";

/** What takes the CONNECTs of an HTTP/2 server. */
interface ConnectTaker {
  isMine(req: IncomingMessage): boolean;
  handleConnect(req: IncomingMessage, res: ServerResponse): void;
  /** Calls `fn` once others had time to answer; never if they may take as long as they like. */
  afterPatience(fn: () => void): void;
}

/** Streams that an engine has taken: several may share a server. */
const taken = new WeakSet<ServerHttp2Stream>();

const hasEnded = (stream: ServerHttp2Stream): boolean =>
  taken.has(stream) || stream.destroyed || stream.closed || stream.headersSent;

/**
 * Takes the WebSockets over HTTP/2 (RFC 8441) that are the engine's. Those of others are answered where no other listener can
 * do it, as Node does without a listener, and closed where none did.
 */
export function takeConnects(server: HttpServer, taker: ConnectTaker): void {
  const onConnect = (req: IncomingMessage, answer: ServerResponse | Duplex): void => {
    if (req.httpVersionMajor !== 2) return refuseTunnel(server, answer as Duplex);
    const { stream } = answer as ServerResponse & Pick<Http2ServerResponse, "stream">;
    if (taker.isMine(req)) {
      taken.add(stream);
      return taker.handleConnect(req, answer as ServerResponse);
    }
    // Once all listeners have been called: another engine may be among them.
    if (!hasOtherTakers(server, "connect"))
      runNextTick(([req, stream]) => refuseStrayConnect(req, stream), [req, stream] as const);
    else taker.afterPatience(() => void (hasEnded(stream) || stream.close()));
  };
  server.on("connect", takesWebSocketsOnly(onConnect));
}

function refuseStrayConnect(req: IncomingMessage, stream: ServerHttp2Stream): void {
  if (hasEnded(stream)) return;
  const check = checkConnect(req);
  if (check.ok) refuseConnect(stream, 404);
  else refuseConnect(stream, check.status, check.message, check.headers);
}

/** A client of HTTP/1 takes the server for a proxy. Node cuts the connection where nothing listens. */
function refuseTunnel(server: HttpServer, stream: Duplex): void {
  if (!hasOtherTakers(server, "connect")) stream.destroy();
}
