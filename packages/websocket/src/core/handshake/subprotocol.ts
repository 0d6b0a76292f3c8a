import { isToken } from "./extensions.ts";

/** Whether a client may offer `protocols` (RFC 6455, 4.1 number 10): tokens, each once. */
export function areValidProtocols(protocols: readonly unknown[]): protocols is readonly string[] {
  if (new Set(protocols).size !== protocols.length) return false;
  return protocols.every((protocol) => typeof protocol === "string" && isToken(protocol));
}

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
/** Tokens and commas; blanks only around the commas. */
const LIST = new RegExp(`^${TOKEN}(?:[ \\t]*,[ \\t]*${TOKEN})*$`);

/** The subprotocols that a request offers, in its order, or undefined when its header is malformed. */
export function parseProtocols(header: unknown): Set<string> | undefined {
  if (header === undefined) return new Set();
  if (typeof header !== "string" || !LIST.test(header)) return undefined;
  const protocols = header.split(",").map((protocol) => protocol.trim());
  const offered = new Set(protocols);
  return offered.size === protocols.length ? offered : undefined;
}
