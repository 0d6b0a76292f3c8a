import { splitArguments } from "../arguments.ts";
import { ADDRESS, decodeQuery, isSecure, readGlobal, usualPort } from "../engine/index.ts";
import type { BaseManager } from "./manager.ts";
import type { ManagerOptions, SocketOptions } from "./options.ts";
import type { Socket } from "./socket.ts";

/** Options of `io()`. */
export type LookupOptions = Partial<ManagerOptions & SocketOptions>;

/** `io()`. */
export interface Lookup {
  /** @param opts options, for the page's server */
  (opts?: LookupOptions): Socket;
  /** @param uri the server, as a string or a URL; the path is the namespace */
  (uri?: string | { readonly href: string }, opts?: LookupOptions): Socket;
}

/**
 * Creates `io()` with its own cache. Namespaces of one origin and `path` option share a manager, except with `forceNew`,
 * without `multiplex`, or if the manager already has the namespace.
 */
export function createLookup(ManagerClass: new (uri: string, opts: LookupOptions) => BaseManager): Lookup {
  const cache: Record<string, BaseManager> = {};
  return (uri?: string | { readonly href: string } | LookupOptions, opts?: LookupOptions): Socket => {
    const [address, given] = splitArguments(uri, opts);
    const options = { ...given };
    const source = complete(address?.trim() || "/");
    const [, scheme, host, port, path, query] = ADDRESS.exec(source)!;
    const nsp = path || "/";
    if (query) options.query ||= decodeQuery(query);
    const key = [scheme, host, port || usualPort(isSecure(scheme)), options.path || "/socket.io"].join();
    const known = cache[key];
    const isOwn = options.forceNew || options.multiplex === false || (known && nsp in known.nsps);
    const manager = isOwn ? new ManagerClass(source, options) : (cache[key] ??= new ManagerClass(source, options));
    return manager.socket(nsp, options);
  };
}

/** Adds a missing protocol and host to a URI: the page's, else `https`, and `http://localhost` for a path alone. */
function complete(uri: string): string {
  const { protocol, host } = readGlobal<Location>("location") ?? { host: "localhost" };
  return uri
    .replace(/^\/(?!\/)/, (protocol || "http:") + "//" + host + "/")
    .replace(/^(?!\w+:\/\/)(\/\/)?/, (protocol || "https:") + "//");
}
