import type { IncomingHttpHeaders, IncomingMessage } from "node:http";

/** A host and its port; of the default ports, those of HTTP and HTTPS, none. */
interface HostAndPort {
  readonly name: string;
  readonly port: string;
}

/**
 * Headers in which proxies say which host they were asked for. A page can't set them, or any of the others below, on a
 * WebSocket: a client that sets them itself is not a page.
 */
const FORWARDED_HOSTS = ["x-forwarded-host", "x-original-host"] as const;
/** Headers by which a proxy is known. */
const PROXY = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-port", "x-real-ip", "via", "forwarded"] as const;
/** `host` of the header Forwarded (RFC 7239), in quotes where there is a port. */
const FORWARDED_HOST = /(?:^|[;,])\s*host\s*=\s*"?([^";,\s]+)/gi;
/** How many hosts of a header are looked at: each proxy on the way may add one. */
const MAX_HOSTS = 16;

/**
 * Whether the origin of a page is a host that the request was for, under whatever scheme: a proxy may have taken the
 * encryption off. A proxy that does not say which host it was asked for may have put a port of its own into `Host`, or none:
 * then names alone are compared.
 */
export function servesHost({ headers }: IncomingMessage, origin: URL): boolean {
  // The browser's own word, which a page can't set either.
  if (headers["sec-fetch-site"] === "same-origin") return true;
  const own = hostAndPortOf(origin);
  const asked = forwardedHosts(headers);
  const isPortUnsure = asked.length === 0 && PROXY.some((name) => headers[name] !== undefined);
  const direct = parseHost(headers.host);
  if (direct?.name === own.name && (isPortUnsure || direct.port === own.port)) return true;
  return asked.some((host) => {
    const place = parseHost(host);
    return place?.name === own.name && (place.port === "" || place.port === own.port);
  });
}

function forwardedHosts(headers: IncomingHttpHeaders): string[] {
  const hosts = FORWARDED_HOSTS.flatMap((name) => (headers[name] ? String(headers[name]).split(",", MAX_HOSTS) : []));
  const forwarded = (headers["forwarded"] ?? "").matchAll(FORWARDED_HOST);
  return [...hosts, ...[...forwarded].slice(0, MAX_HOSTS).map(([, host = ""]) => host)];
}

function parseHost(host: string | undefined): HostAndPort | undefined {
  if (!host) return undefined;
  try {
    return hostAndPortOf(new URL(`http://${host.trim()}`));
  } catch {
    return undefined;
  }
}

/** Returns a host without the default port of either scheme: a proxy may have taken the encryption off. */
function hostAndPortOf({ hostname, port }: URL): HostAndPort {
  const name = hostname.endsWith(".") ? hostname.slice(0, -1) : hostname;
  return { name, port: port === "80" || port === "443" ? "" : port };
}
