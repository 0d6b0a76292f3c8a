/*
 * HTTP requests and responses of the engine: queries, headers, compression, HTTP/2, idle connections.
 * Knows: `node:http`, `node:http2`, and the servers that programs pass in.
 * Must not know: sessions and transports.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { adopt } from "./http2.ts";
import { parseQuery } from "./query.ts";

/** A request with its parsed query. */
export interface TransportRequest extends IncomingMessage {
  /** The query of the URL; an object without a prototype. */
  _query: Record<string, string | undefined>;
}

/** A poll or POST and its response, as passed to {@link Transport.onRequest}. */
export interface HttpExchange {
  readonly req: TransportRequest;
  readonly res: ServerResponse;
}

/** Sets `_query` on a request, unless a middleware has set it. */
export function prepareRequest(req: IncomingMessage): TransportRequest {
  const request = req as TransportRequest;
  if (request.httpVersionMajor === 2) adopt(request);
  if (request._query) return request;
  request._query = parseQuery(queryOf(req.url ?? ""));
  return request;
}

/** Returns the query of a URL. Cuts off a fragment, which some clients send too. */
function queryOf(url: string): string {
  const mark = url.indexOf("?");
  if (mark === -1) return "";
  const hash = url.indexOf("#");
  return hash === -1 ? url.slice(mark + 1) : url.slice(mark + 1, Math.max(hash, mark + 1));
}
