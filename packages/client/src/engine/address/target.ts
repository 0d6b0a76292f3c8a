import { ADDRESS, isSecure, usualPort } from "./address.ts";
import { DEFAULTS, type SocketOptions } from "../options.ts";
import { platformDefaults } from "../platform/globals.node.ts";
import { readGlobal } from "../platform/platform.ts";
import { decodeQuery } from "./query.ts";

/** Options completed with the address and the defaults. */
export interface ResolvedOptions extends SocketOptions {
  hostname: string;
  port: string | number;
  secure: boolean;
  path: string;
  query: Record<string, unknown>;
  transportOptions: Record<string, object>;
}

/** Returns where a socket connects. The URL overrides options, options the page, the page the defaults. */
export function resolveOptions(uri: string | null | undefined, given: SocketOptions): ResolvedOptions {
  const options = { ...DEFAULTS, ...platformDefaults, ...given } as ResolvedOptions;
  const page = readGlobal<Location>("location") ?? {};
  const [, scheme, host, port, , query] = ADDRESS.exec(uri || options.host || "")!;
  if (host) options.hostname = host;
  if (uri) {
    options.secure = isSecure(scheme);
    options.port = port!;
    if (query) options.query = decodeQuery(query);
  }
  const secure = (options.secure ??= page.protocol === "https:");
  // the page's port belongs to the page's host only
  options.port ||= (!options.hostname && page.port) || usualPort(secure);
  options.hostname = (options.hostname || page.hostname || "localhost").replace(/[[\]]/g, "");
  options.path = options.path.replace(/\/$/, "") + (options.addTrailingSlash ? "/" : "");
  if (typeof options.query === "string") options.query = decodeQuery(options.query);
  return options;
}
