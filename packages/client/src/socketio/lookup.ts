import { splitArguments } from "../arguments.ts";
import { ADDRESS, decodeQuery, isSecure, platform, usualPort } from "../engine/index.ts";
import type { BaseManager } from "./manager.ts";
import type { ManagerOptions, SocketOptions } from "./options.ts";
import type { Socket } from "./socket.ts";

/** Options of `io()`. */
export type LookupOptions = Partial<ManagerOptions & SocketOptions>;

/** `io()`. */
export interface Lookup {
  /** @param opts options, for the server that the page came from */
  (opts?: LookupOptions): Socket;
  /** @param uri of the server, a string or a URL; its path is the namespace */
  (uri?: string | { readonly href: string }, opts?: LookupOptions): Socket;
}

/**
 * Makes `io()`, with a cache of its own: namespaces of one origin and path share a manager, except with `forceNew`,
 * without `multiplex`, and when the namespace is in use there.
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

/** Puts in front of a URI what is missing of protocol and host: those of the page, else `https`, and `http://localhost`. */
function complete(uri: string): string {
  const { protocol, host } = platform<Location>("location") ?? { host: "localhost" };
  return uri
    .replace(/^\/(?!\/)/, (protocol || "http:") + "//" + host + "/")
    .replace(/^(?!\w+:\/\/)(\/\/)?/, (protocol || "https:") + "//");
}
