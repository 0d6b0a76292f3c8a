/** The parts of a URI; missing parts are "". */
export interface ParsedUri {
  /** The whole URI. */
  source: string;
  /** `http`, `https`, `ws` or `wss`. */
  protocol: string;
  /** User, password, host and port. */
  authority: string;
  /** User and password. */
  userInfo: string;
  /** Before the colon of `userInfo`. */
  user: string;
  /** After the colon of `userInfo`. */
  password: string;
  /** Host, without brackets. */
  host: string;
  /** Digits. */
  port: string;
  /** Path, query and anchor. */
  relative: string;
  /** Path, without the query. */
  path: string;
  /** The path without the file. */
  directory: string;
  /** The last segment of the path, if it has a dot. */
  file: string;
  /** After the question mark. */
  query: string;
  /** After the number sign. */
  anchor: string;
  /** Whether the host was written in brackets. */
  ipv6uri?: boolean;
  /** Segments of the path. */
  pathNames: string[];
  /** Parameters of the query, not decoded. */
  queryKey: Record<string, string>;
}

/**
 * `URL` rejects `localhost:3000` and `//example.org`, which programs write. Hosts in brackets, or made of colons and
 * hexadecimal digits alone, are IPv6 addresses.
 */
const URI =
  /^(?:(https?|wss?):\/\/)?((?:(([^:@/?#]*)(?::([^:@/?#]*))?)@)?(\[[^\]/?#]*\]|(?:[a-f\d]{0,4}:){2,7}[a-f\d]{0,4}|[^:/?#]*)(?::(\d*))?)(([^?#]*)(?:\?([^#]*))?(?:#(.*))?)/;

/**
 * Splits a URI into its parts; missing parts are "".
 *
 * @throws the string `URI too long` for more than 8000 characters
 * @example parse("https://example.org:8443/chat?a=b").port // "8443"
 */
export function parse(uri: string): ParsedUri {
  // eslint-disable-next-line no-throw-literal -- programs compare with the string
  if (uri.length > 8000) throw "URI too long";
  const [, protocol, authority, userInfo, user, password, host, port, relative, path, query, anchor] = URI.exec(
    uri,
  )!.map((part) => part ?? "") as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const isBracketed = host.startsWith("[");
  const file = /[^/]*\.[^/.]+$/.exec(path)?.[0] ?? "";
  const segments = path.replace(/\/{2,9}/g, "/").split("/");
  const queryKey: Record<string, string> = {};
  for (const pair of query.split("&")) {
    const [name, ...value] = pair.split("=");
    if (name) queryKey[name] = value.join("=");
  }
  return {
    source: uri,
    protocol,
    authority: isBracketed ? authority.replace(/[[\]]/g, "") : authority,
    userInfo,
    user,
    password,
    host: isBracketed ? host.slice(1, -1) : host,
    port,
    relative,
    path,
    directory: file ? path.slice(0, -file.length) : path,
    file,
    query,
    anchor,
    ...(isBracketed && { ipv6uri: true }),
    pathNames: segments.slice(/^(\/|$)/.test(path) ? 1 : 0, path.endsWith("/") ? -1 : undefined),
    queryKey,
  };
}
