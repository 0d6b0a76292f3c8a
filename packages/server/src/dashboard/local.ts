import type { IncomingMessage } from "node:http";

const LOOPBACK_IP = /^(?:::1|(?:::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3})$/;
const LOCAL_HOST = /^(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(?::\d{1,5})?$/i;

/** Headers that proxies add, besides all names beginning with `x-forwarded`. */
const HEADERS_OF_PROXIES: ReadonlySet<string> = new Set([
  "cf-connecting-ip",
  "cf-ray",
  "client-ip",
  "fastly-client-ip",
  "forwarded",
  "true-client-ip",
  "via",
  "x-client-ip",
  "x-cluster-client-ip",
  "x-original-forwarded-for",
  "x-original-host",
  "x-real-ip",
]);

/** Returns the host of a request; over HTTP/2 it is a pseudo-header. */
function hostOf({ headers }: IncomingMessage): string {
  const host = headers.host ?? headers[":authority"];
  return typeof host === "string" ? host : "";
}

const isHeaderOfProxy = (name: string): boolean => HEADERS_OF_PROXIES.has(name) || name.startsWith("x-forwarded");

/**
 * Whether a request shows signs of a proxy. nginx adds none of the headers unless it is configured to, and names this
 * machine as the host; but it speaks HTTP/1.0, or asks for an upgrade in each request. Browsers do neither.
 */
function isFromProxy({ headers, httpVersion }: IncomingMessage): boolean {
  const asksForNothing = headers.upgrade === undefined && /\bupgrade\b/i.test(headers.connection ?? "");
  return httpVersion === "1.0" || asksForNothing || Object.keys(headers).some(isHeaderOfProxy);
}

/**
 * Whether a request comes from this machine and means it: by the address, without a proxy in between, and with a host name that
 * only this machine has. A page that rebinds its own name to 127.0.0.1 sends that name.
 */
export function isFromThisMachine(req: IncomingMessage): boolean {
  if (!LOOPBACK_IP.test(req.socket?.remoteAddress ?? "")) return false;
  return LOCAL_HOST.test(hostOf(req)) && !isFromProxy(req);
}

const SAME_SITE: ReadonlySet<string | undefined> = new Set([undefined, "same-origin", "none"]);

/**
 * Whether a request comes from a page of this server, or from a program. Browsers send at least one of the two headers with each
 * request that another page could have caused: `Origin` with WebSockets and forms, `Sec-Fetch-Site` with the others.
 */
export function isSameOrigin(req: IncomingMessage): boolean {
  const { origin } = req.headers;
  const site = req.headers["sec-fetch-site"];
  if (!SAME_SITE.has(typeof site === "string" ? site.toLowerCase() : site)) return false;
  return origin === undefined || hostIn(origin) === hostOf(req).toLowerCase();
}

function hostIn(origin: string): string | undefined {
  return /^https?:\/\/([^/?#@]+)$/i.exec(origin)?.[1]?.toLowerCase();
}

/**
 * Whether the connection of a request is encrypted, here or at a proxy in front. Not each proxy adds a header; but with a form,
 * browsers send the origin of the page.
 */
export function isEncrypted({ socket, headers }: IncomingMessage): boolean {
  const [proto = ""] = String(headers["x-forwarded-proto"] ?? "").split(",", 1);
  const isBehindTls = proto.trim().toLowerCase() === "https" || /^https:/i.test(headers.origin ?? "");
  return isBehindTls || (socket !== undefined && "encrypted" in socket);
}
