import { type IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type OnFailure, runChain } from "../../base/guarded.ts";
import { runNextTick } from "../../base/turn.ts";
import { UsageError } from "../usage-errors.ts";

/** An Express-style middleware, called for polls, POSTs and WebSocket handshakes. */
export type Middleware = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => unknown;

/** A request on its way through the middlewares. */
export interface MiddlewareExchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** Called if a middleware throws or its promise rejects. */
  readonly onFailure: OnFailure;
}

/**
 * Runs middlewares one after the other. `done` receives the first error, thrown, rejected or passed to `next`.
 *
 * `done` runs in its own tick, so that errors thrown by later code are not blamed on a middleware.
 */
export function runMiddlewares(
  middlewares: readonly Middleware[],
  { req, res, onFailure }: MiddlewareExchange,
  done: (error?: unknown) => void,
): void {
  runChain({
    links: middlewares,
    subject: [req, res],
    onEnd: (error) => runNextTick(done, error),
    onFailure,
    endOf: (error) => error || new UsageError("MIDDLEWARE_WITHOUT_ERROR"),
  });
}

/** A response for middlewares; the WebSocket layer sends the one that accepts the handshake. */
export interface HeldResponse {
  readonly res: ServerResponse;
  /** Takes the response from the middlewares. Returns the headers that they have set. */
  release(): ReturnType<ServerResponse["getHeaders"]>;
}

/**
 * The response for middlewares during a WebSocket handshake, on the stream of the upgrade. A middleware may answer itself
 * (401, a redirect). Headers that it sets are added to the 101 response.
 */
export class UpgradeResponse extends ServerResponse implements HeldResponse {
  get res(): ServerResponse {
    return this;
  }

  /** Returns undefined if an earlier request on the same connection is unanswered, which a 101 must not overtake. */
  static over(stream: Duplex, req: IncomingMessage): UpgradeResponse | undefined {
    const res = new UpgradeResponse(req);
    res.shouldKeepAlive = false;
    try {
      // Node needs only a Duplex.
      res.assignSocket(stream as Socket);
    } catch {
      return undefined;
    }
    res.once("finish", () => hangUp(stream));
    return res;
  }

  /** Ignores the 101, which the WebSocket layer writes. Middlewares that patch `writeHead` still see the call. */
  override writeHead(status: number, ...rest: unknown[]): this {
    if (status === 101) return this;
    return super.writeHead(status, ...(rest as []));
  }

  release(): ReturnType<ServerResponse["getHeaders"]> {
    const { socket } = this;
    this.writeHead(101);
    if (socket) this.detachSocket(socket);
    return this.getHeaders();
  }
}

/**
 * The same for a WebSocket over HTTP/2, with Node's response to the CONNECT. A middleware that answers by itself reaches the
 * client.
 */
export function holdConnectResponse(res: ServerResponse): HeldResponse {
  const writeHead = res.writeHead.bind(res);
  let state: "held" | "released" = "held";
  // Middlewares that wait for `writeHead` act on it when the response is released.
  res.writeHead = (...args: unknown[]) => (state === "held" ? writeHead(...(args as [number])) : res);
  return {
    res,
    release() {
      state = "released";
      res.writeHead(200);
      return res.getHeaders();
    },
  };
}

/** Ends the stream of an upgrade, and destroys it once all output was written, because Node's timeouts do not apply to it. */
export function hangUp(stream: Duplex): void {
  stream.once("finish", () => stream.destroy());
  stream.end();
}
