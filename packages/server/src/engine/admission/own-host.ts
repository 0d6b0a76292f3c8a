import type { IncomingHttpHeaders, IncomingMessage } from "node:http";

/** A host and its port; the port is empty for the defaults of HTTP and HTTPS. */
interface HostAndPort {
  readonly name: string;
  readonly port: string;
}

/**
 * Headers with the original host of a proxied request. A page can't set these or the headers below on a WebSocket, so a
 * client that sets them is not a page.
 */
const FORWARDED_HOSTS = ["x-forwarded-host", "x-original-host"] as const;
/** Headers that reveal a proxy. */
const PROXY = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-port", "x-real-ip", "via", "forwarded"] as const;
/** `host` of the header Forwarded (RFC 7239), quoted if it has a port. */
const FORWARDED_HOST = /(?:^|[;,])\s*host\s*=\s*"?([^";,\s]+)/gi;
/** Most hosts read from a header; each proxy may add one. */
const MAX_HOSTS = 16;

/**
 * Whether a page's origin is the host of the request, under any scheme, because a proxy may have terminated TLS. A proxy
 * that does not forward the original host may have changed the port in `Host`, so then only the names are compared.
 */
export function servesHost({ headers }: IncomingMessage, origin: URL): boolean {
  // Set by the browser; a page can't set it either.
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

/** Returns a host without the default port of either scheme, because a proxy may have terminated TLS. */
function hostAndPortOf({ hostname, port }: URL): HostAndPort {
  const name = hostname.endsWith(".") ? hostname.slice(0, -1) : hostname;
  return { name, port: port === "80" || port === "443" ? "" : port };
}
