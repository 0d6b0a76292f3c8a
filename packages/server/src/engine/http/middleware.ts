import { type IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type OnFailure, runChain } from "../../base/guarded.ts";
import { runNextTick } from "../../base/turn.ts";
import { UsageError } from "../usage-errors.ts";

/** An Express-style middleware; it sees polls, POSTs and WebSocket handshakes alike. */
export type Middleware = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => unknown;

/** A request that passes middlewares. */
export interface MiddlewareExchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** A middleware threw, or its promise was rejected. */
  readonly onFailure: OnFailure;
}

/**
 * Runs middlewares one after the other; `done` gets the first error. One that throws or rejects has failed as well.
 *
 * `done` is called in a tick of its own: an exception further on is none of a middleware.
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

/**
 * The response that middlewares see during a WebSocket handshake: Node's own, on the stream of the upgrade. A middleware
 * that answers by itself (401, a redirect) reaches the peer; headers that it sets go into the 101 answer.
 */
export class UpgradeResponse extends ServerResponse {
  /** Undefined while an earlier request on the same connection still waits for its answer, which a 101 must not overtake. */
  static over(stream: Duplex, req: IncomingMessage): UpgradeResponse | undefined {
    const res = new UpgradeResponse(req);
    res.shouldKeepAlive = false;
    try {
      // Node asks for no more than a Duplex.
      res.assignSocket(stream as Socket);
    } catch {
      return undefined;
    }
    res.once("finish", () => hangUp(stream));
    return res;
  }

  /** The 101 answer is written by the WebSocket layer; middlewares that wait for `writeHead` may still act on it. */
  override writeHead(status: number, ...rest: unknown[]): this {
    if (status === 101) return this;
    return super.writeHead(status, ...(rest as []));
  }

  /** Gives the stream back and tells the headers that were set meanwhile. */
  release(stream: Duplex): ReturnType<ServerResponse["getHeaders"]> {
    this.writeHead(101);
    this.detachSocket(stream as Socket);
    return this.getHeaders();
  }
}

/** Ends the stream of an upgrade once what was written is on its way: no time limit of Node's is left for its peer. */
export function hangUp(stream: Duplex): void {
  stream.once("finish", () => stream.destroy());
  stream.end();
}
