import type { BinaryType } from "@portage/parser/engine";
import { CookieJar } from "./cookie-jar.node.ts";
import type { CookieJarOwner, Timers } from "./globals.ts";
import type { SocketOptions } from "../options.ts";

/** Calls back after the current turn, before any other event; captured at load, so fake timers have no effect. */
export const nextTick: (callback: () => void, setTimeoutFn?: unknown) => void = process.nextTick.bind(process);

/** Global timers as members of an object. Node.js needs no binding, which three objects per connection would pay for. */
export const asMethods = ({ setTimeout, clearTimeout }: Timers): object => ({
  setTimeoutFn: setTimeout,
  clearTimeoutFn: clearTimeout,
});

export const defaultBinaryType: BinaryType = "nodebuffer";

/** Defaults of options for Node.js only. */
export const platformDefaults: Partial<SocketOptions> = {
  agent: false,
  rejectUnauthorized: true,
  perMessageDeflate: { threshold: 1024 },
};

/** Adds a cookie jar with `withCredentials`. */
export function addCookieJar(socket: CookieJarOwner, { withCredentials }: SocketOptions): void {
  if (withCredentials) socket._cookieJar = new CookieJar();
}

/** Calls `fetch` with the cookies of a socket. Throws on platforms without `fetch`. */
export function fetchWithCookies(
  uri: string,
  init: RequestInit,
  { _cookieJar }: { readonly _cookieJar: CookieJar | undefined },
): Promise<Response> {
  const cookie = _cookieJar?.header;
  const headers = cookie ? { ...(init.headers as Record<string, string>), cookie } : init.headers!;
  return fetch(uri, { ...init, headers }).then((response) => {
    _cookieJar?.parseCookies(response.headers.getSetCookie());
    return response;
  });
}

/** Buffers, by the plain bytes that replace them. */
const hidden = new WeakMap<object, Buffer>();

/**
 * Returns the value, or a copy with plain bytes in place of each Buffer: `JSON.stringify` calls the `toJSON` of Buffers
 * first, which lists all bytes.
 */
export function hideToJson(value: unknown): unknown {
  if (typeof value !== "object" || !value || !Object.values(value).some((item) => Buffer.isBuffer(item))) return value;
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>;
  for (const [key, item] of Object.entries(copy)) {
    if (!Buffer.isBuffer(item)) continue;
    const plain = new Uint8Array(item.buffer, item.byteOffset, item.length);
    hidden.set(plain, item);
    copy[key] = plain;
  }
  return copy;
}

/** Returns the Buffer that {@link hideToJson} replaced by these bytes, or the value itself. */
export const unhide = (bytes: unknown): unknown => hidden.get(bytes as object) ?? bytes;
