/*
 * Requests and answers of HTTP as the engine needs them: queries, headers, compression, HTTP/2, connections that idle.
 * Knows: `node:http`, `node:http2`, and the servers that programs hand in.
 * Must not know: sessions and transports.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { adopt } from "./http2.ts";
import { parseQuery } from "./query.ts";

/** A request as the engine reads it. */
export interface TransportRequest extends IncomingMessage {
  /** The query of the URL; an object without a prototype. */
  _query: Record<string, string | undefined>;
}

/** A poll or POST with its answer, as it reaches {@link Transport.onRequest}. */
export interface HttpExchange {
  readonly req: TransportRequest;
  readonly res: ServerResponse;
}

/** Gives a request its `_query`: an object without a prototype, unless a middleware has made one. */
export function prepareRequest(req: IncomingMessage): TransportRequest {
  const request = req as TransportRequest;
  if (request.httpVersionMajor === 2) adopt(request);
  if (request._query) return request;
  request._query = parseQuery(queryOf(req.url ?? ""));
  return request;
}

/** The query of a URL, without what follows a hash: clients that build requests by hand send that, too. */
function queryOf(url: string): string {
  const mark = url.indexOf("?");
  if (mark === -1) return "";
  const hash = url.indexOf("#");
  return hash === -1 ? url.slice(mark + 1) : url.slice(mark + 1, Math.max(hash, mark + 1));
}
