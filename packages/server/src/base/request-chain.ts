import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http";

/** A listener of an HTTP server's requests. */
export type RequestListener = (req: IncomingMessage, res: ServerResponse) => void;

/** The listeners behind a listener, which receive the requests that it passes on. */
const behind = new WeakMap<RequestListener, readonly RequestListener[]>();

/**
 * Puts a listener before the existing ones of an HTTP server, which receive the requests that it does not take.
 *
 * @param take returns whether it has taken the request
 */
export function putInFront(
  server: HttpServer,
  take: (req: IncomingMessage, res: ServerResponse) => boolean,
): RequestListener {
  const others = server.listeners("request") as RequestListener[];
  server.removeAllListeners("request");
  const listener: RequestListener = (req, res) => {
    if (take(req, res)) return;
    for (const other of others) other.call(server, req, res);
  };
  behind.set(listener, others);
  server.on("request", listener);
  return listener;
}

/** Whether requests still reach a listener. Tools that reload programs remove all listeners of a server. */
export function receivesRequests(listener: RequestListener, server: HttpServer): boolean {
  return isAmong(listener, server.listeners("request") as RequestListener[]);
}

function isAmong(listener: RequestListener, listeners: readonly RequestListener[]): boolean {
  return listeners.some((each) => each === listener || isAmong(listener, behind.get(each) ?? []));
}
