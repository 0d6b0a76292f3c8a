import { IncomingMessage } from "node:http";
import type { RequestHead } from "../core/heads.ts";
import { asSocket } from "./forwarded-socket.ts";

const forwarded = new WeakSet<IncomingMessage>();

/**
 * Creates the request that another node has received. Its body is pushed by the exchange.
 *
 * @param socket stands for the client's connection
 */
export function createForwardedRequest(head: RequestHead, socket: object): IncomingMessage {
  const req = new IncomingMessage(asSocket(socket));
  forwarded.add(req);
  const { method, url, httpVersion, rawHeaders } = head;
  req.method = method;
  req.url = url;
  req.httpVersion = httpVersion;
  req.httpVersionMajor = httpVersion.charCodeAt(0) - 48;
  req.httpVersionMinor = httpVersion.charCodeAt(2) - 48;
  // What Node's parser calls: `headers` stays empty otherwise.
  const add = Reflect.get(req, "_addHeaderLines") as (lines: readonly string[], count: number) => void;
  add.call(req, rawHeaders, rawHeaders.length);
  return req;
}

/** Whether a request was received by another node. */
export const isForwarded = (req: IncomingMessage): boolean => forwarded.has(req);
