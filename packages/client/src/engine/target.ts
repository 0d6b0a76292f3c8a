import { DEFAULTS, type SocketOptions, type TransportCtor } from "./options.ts";
import { parse } from "./parse-uri.ts";
import { decodeQuery } from "./query.ts";
import { transports } from "./transports/index.ts";

/** Options with the address and the defaults put in. */
export interface ResolvedOptions extends SocketOptions {
  hostname: string;
  port: string | number;
  secure: boolean;
  path: string;
  query: Record<string, unknown>;
}

/** Where a socket connects: the URL goes before options, options before the page, the page before the defaults. */
export function resolveOptions(uri: string | null | undefined, given: SocketOptions): ResolvedOptions {
  const options: SocketOptions = { ...DEFAULTS, ...given };
  const page = globalThis.location as Location | undefined;
  if (uri) {
    const { host, protocol, port, query } = parse(uri);
    options.hostname = host;
    options.secure = protocol === "https" || protocol === "wss";
    options.port = port;
    if (query) options.query = query;
  } else if (options.host) {
    options.hostname = parse(options.host).host;
  }
  const secure = options.secure ?? page?.protocol === "https:";
  const query = options.query ?? {};
  return {
    ...options,
    secure,
    hostname: options.hostname || page?.hostname || "localhost",
    // the port of the page goes with the host of the page only
    port: options.port || (!options.hostname && page?.port) || (secure ? "443" : "80"),
    path: options.path!.replace(/\/$/, "") + (options.addTrailingSlash ? "/" : ""),
    query: typeof query === "string" ? decodeQuery(query) : query,
  };
}

/**
 * The transports of the options, in order, by name; unknown names are left out.
 *
 * @throws Error for both `transports` and `transportImplementations`
 */
export function chooseTransports(options: SocketOptions): Map<string, TransportCtor> {
  const { transports: names, transportImplementations: classes } = options;
  if (names && classes) {
    throw new Error("specifying both 'transportImplementations' and 'transports' options is not supported");
  }
  const chosen = new Map<string, TransportCtor>();
  for (const item of classes ?? names ?? ["polling", "websocket"]) {
    if (typeof item === "function") chosen.set(item.prototype.name, item);
    else if (Object.hasOwn(transports, item)) chosen.set(item, transports[item]!);
  }
  return chosen;
}
