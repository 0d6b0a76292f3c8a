import { isToken, TOKEN } from "./extensions.ts";

/**
 * Returns whether a client may offer `protocols` (RFC 6455, 4.1 number 10):
 * tokens, without duplicates.
 */
export function areValidProtocols(protocols: readonly unknown[]): protocols is readonly string[] {
  if (new Set(protocols).size !== protocols.length) return false;
  return protocols.every((protocol) => typeof protocol === "string" && isToken(protocol));
}

/** A list of tokens; blanks only around the commas. */
const LIST = new RegExp(`^${TOKEN}(?:[ \\t]*,[ \\t]*${TOKEN})*$`);

/** Parses the offered subprotocols, in order. Returns undefined if the header is malformed. */
export function parseProtocols(header: unknown): Set<string> | undefined {
  if (header === undefined) return new Set();
  if (typeof header !== "string" || !LIST.test(header)) return undefined;
  const protocols = header.split(",").map((protocol) => protocol.trim());
  const offered = new Set(protocols);
  return offered.size === protocols.length ? offered : undefined;
}
