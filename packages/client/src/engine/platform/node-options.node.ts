import type { CookieJar } from "./cookie-jar.node.ts";
import type { SocketOptions } from "../options.ts";

/** Options passed to `http.request`, `https.request` and `tls.connect`. */
const REQUEST_OPTIONS = [
  "pfx",
  "key",
  "passphrase",
  "cert",
  "ca",
  "ciphers",
  "rejectUnauthorized",
  "localAddress",
  "family",
  "checkServerIdentity",
  "servername",
] as const;

/** Headers about the framing of the body: a program's values would be wrong, and the server would wait for bytes. */
const FRAMING = /^(?:content-length|expect|te|trailer|transfer-encoding|upgrade)$/i;

/** Returns the options of a request: agent, TLS, and headers including cookies. */
export function nodeOptions(
  options: SocketOptions,
  jar: CookieJar | undefined,
  headers: Record<string, string | number>,
): Record<string, unknown> {
  const picked: Record<string, unknown> = {};
  const given = options as Record<string, unknown>;
  for (const name of REQUEST_OPTIONS) if (given[name] !== undefined) picked[name] = given[name];
  if (options.agent) picked["agent"] = options.agent;
  const extra: Record<string, string | number> = { ...options.extraHeaders };
  for (const name of Object.keys(extra)) if (FRAMING.test(name)) delete extra[name];
  const all = { ...headers, ...extra };
  const cookies = jar?.header;
  if (cookies) {
    const name = Object.keys(all).find((key) => key.toLowerCase() === "cookie") ?? "cookie";
    all[name] = all[name] ? all[name] + "; " + cookies : cookies;
  }
  picked["headers"] = all;
  return picked;
}

/** Returns an error's message. When each of several addresses fails, the error has a list and an empty message. */
export const messageOf = (error: Error): string => error.message || String((error as AggregateError).errors);
