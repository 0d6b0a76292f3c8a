import { isToken } from "./core/index.ts";

/** Whether a client may offer `protocols` (RFC 6455, 4.1, number 10): tokens, each once. */
export function areValidProtocols(protocols: readonly unknown[]): protocols is readonly string[] {
  if (new Set(protocols).size !== protocols.length) return false;
  return protocols.every((protocol) => typeof protocol === "string" && isToken(protocol));
}

/** The subprotocols that a request offers, or undefined when its header is malformed. */
export function parseProtocols(header: string | undefined): Set<string> | undefined {
  if (header === undefined) return new Set();
  const protocols = header.split(",").map((protocol) => protocol.trim());
  return areValidProtocols(protocols) ? new Set(protocols) : undefined;
}
