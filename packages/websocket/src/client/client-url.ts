const UNIX = "ws+unix:";
/** Schemes of a WebSocket URL. HTTP schemes map to their counterparts. */
const SCHEMES: Readonly<Record<string, string>> = {
  "ws:": "ws:",
  "wss:": "wss:",
  "http:": "ws:",
  "https:": "wss:",
  [UNIX]: UNIX,
};

/** The address of a server, from its URL. */
export interface ClientUrl {
  /** The URL for the `url` property. */
  readonly href: string;
  readonly isSecure: boolean;
  readonly host: string;
  readonly port: number;
  /** Path and query of the request. */
  readonly path: string;
  /** The Unix socket of a `ws+unix:` URL; replaces host and port. */
  readonly socketPath: string | undefined;
  /** `user:password`, decoded. */
  readonly auth: string | undefined;
}

/**
 * Parses a client's URL (RFC 6455, 3). `ws+unix:/socket/path:/request/path` is a Unix socket.
 * @throws SyntaxError for a URL that is not a WebSocket URL
 */
export function parseClientUrl(address: string | URL): ClientUrl {
  const url = parseAddress(address);
  const scheme = SCHEMES[url.protocol];
  if (scheme === undefined) {
    throw new SyntaxError(`The URL's protocol must be one of "ws:", "wss:", "http:", "https:", or "ws+unix:"`);
  }
  if (scheme === UNIX && url.pathname === "") throw new SyntaxError("The URL's pathname is empty");
  if (url.hash !== "") throw new SyntaxError("The URL contains a fragment identifier");
  if (scheme !== url.protocol) url.protocol = scheme;
  const isSecure = scheme === "wss:";
  const [socketPath, path] = scheme === UNIX ? splitUnixPath(url) : [undefined, url.pathname + url.search];
  return {
    href: url.href,
    isSecure,
    // Only the URL has brackets around an IPv6 address.
    host: url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : url.hostname,
    port: url.port === "" ? (isSecure ? 443 : 80) : Number(url.port),
    path,
    socketPath,
    auth: url.username === "" && url.password === "" ? undefined : `${decode(url.username)}:${decode(url.password)}`,
  };
}

function parseAddress(address: string | URL): URL {
  if (address instanceof URL) return new URL(address);
  try {
    return new URL(address);
  } catch {
    throw new SyntaxError(`Invalid URL: ${address}`);
  }
}

function splitUnixPath(url: URL): [socketPath: string, path: string] {
  const [socketPath = "", path = "/"] = (url.pathname + url.search).split(":");
  return [socketPath, path];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
