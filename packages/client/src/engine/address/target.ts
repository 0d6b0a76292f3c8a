import { ADDRESS, isSecure, usualPort } from "./address.ts";
import { DEFAULTS, type SocketOptions } from "../options.ts";
import { platformDefaults } from "../platform/globals.node.ts";
import { platform } from "../platform/platform.ts";
import { decodeQuery } from "./query.ts";

/** Options with the address and the defaults put in. */
export interface ResolvedOptions extends SocketOptions {
  hostname: string;
  port: string | number;
  secure: boolean;
  path: string;
  query: Record<string, unknown>;
  transportOptions: Record<string, object>;
}

/** Where a socket connects: the URL goes before options, options before the page, the page before the defaults. */
export function resolveOptions(uri: string | null | undefined, given: SocketOptions): ResolvedOptions {
  const options = { ...DEFAULTS, ...platformDefaults, ...given } as ResolvedOptions;
  const page = platform<Location>("location") ?? {};
  const [, scheme, host, port, , query] = ADDRESS.exec(uri || options.host || "")!;
  if (host) options.hostname = host;
  if (uri) {
    options.secure = isSecure(scheme);
    options.port = port!;
    if (query) options.query = decodeQuery(query);
  }
  const secure = (options.secure ??= page.protocol === "https:");
  // the port of the page goes with the host of the page only
  options.port ||= (!options.hostname && page.port) || usualPort(secure);
  options.hostname = (options.hostname || page.hostname || "localhost").replace(/[[\]]/g, "");
  options.path = options.path.replace(/\/$/, "") + (options.addTrailingSlash ? "/" : "");
  if (typeof options.query === "string") options.query = decodeQuery(options.query);
  return options;
}
