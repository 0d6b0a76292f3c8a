import { IncomingMessage } from "node:http";
import type { RequestHead } from "../core/heads.ts";
import { asSocket } from "./forwarded-socket.ts";

const FORWARDED = Symbol("forwarded");

/**
 * Creates the request that another node has received. Its body is pushed by the exchange.
 *
 * @param socket stands for the client's connection
 */
export function createForwardedRequest(head: RequestHead, socket: object): IncomingMessage {
  const req = new IncomingMessage(asSocket(socket));
  Object.assign(req, { [FORWARDED]: true });
  const { method, url, httpVersion, rawHeaders } = head;
  req.method = method;
  req.url = url;
  req.httpVersion = httpVersion;
  req.httpVersionMajor = httpVersion.charCodeAt(0) - 48;
  req.httpVersionMinor = httpVersion.charCodeAt(2) - 48;
  fillHeaders(req, rawHeaders);
  return req;
}

/** Passes headers to a request as Node's parser does, so that repeated ones are treated in the same way. */
function fillHeaders(req: IncomingMessage, rawHeaders: readonly string[]): void {
  const add: unknown = Reflect.get(req, "_addHeaderLines");
  Reflect.apply(add as (lines: readonly string[], count: number) => void, req, [rawHeaders, rawHeaders.length]);
}

/** Whether a request was received by another node. */
export const isForwarded = (req: IncomingMessage): boolean => FORWARDED in req;
