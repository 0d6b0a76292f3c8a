import { IncomingMessage } from "node:http";
import type { RequestHead } from "../core/heads.ts";
import { asSocket, type ForwardedSocket } from "./forwarded-socket.ts";

const forwarded = new WeakSet<IncomingMessage>();

/** Creates the request that another node has received. Its body is pushed by the exchange. */
export function createForwardedRequest(head: RequestHead, socket: ForwardedSocket): IncomingMessage {
  const req = new IncomingMessage(asSocket(socket));
  forwarded.add(req);
  const { method, url, httpVersion, rawHeaders } = head;
  req.method = method;
  req.url = url;
  req.httpVersion = httpVersion;
  req.httpVersionMajor = httpVersion.charCodeAt(0) - 48;
  req.httpVersionMinor = httpVersion.charCodeAt(2) - 48;
  req.rawHeaders = rawHeaders as string[];
  return req;
}

/** Whether a request was received by another node. */
export const isForwarded = (req: IncomingMessage): boolean => forwarded.has(req);
