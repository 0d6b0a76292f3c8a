import type { BinaryType } from "@portage/parser/engine";
import { CookieJar } from "./cookie-jar.node.ts";
import type { CookieJarOwner, Timers } from "./globals.ts";
import type { SocketOptions } from "../options.ts";

/** Calls back after the current turn, before anything else happens: that of the platform, also while timers are faked. */
export const nextTick: (callback: () => void, setTimeoutFn?: unknown) => void = process.nextTick.bind(process);

/** Global timers as members of an object. They do not mind, and three objects of each connection have them. */
export const asMethods = ({ setTimeout, clearTimeout }: Timers): object => ({
  setTimeoutFn: setTimeout,
  clearTimeoutFn: clearTimeout,
});

export const defaultBinaryType: BinaryType = "nodebuffer";

/** Defaults of options that mean something here only. */
export const platformDefaults: Partial<SocketOptions> = {
  agent: false,
  rejectUnauthorized: true,
  perMessageDeflate: { threshold: 1024 },
};

/** With `withCredentials` cookies are kept. */
export function addCookieJar(socket: CookieJarOwner, { withCredentials }: SocketOptions): void {
  if (withCredentials) socket._cookieJar = new CookieJar();
}

/** `fetch`, with the cookies of a socket. Throws where there is none. */
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

/** Each Buffer, by the plain bytes that stand in its place. */
const hidden = new WeakMap<object, Buffer>();

/**
 * The value, or a copy with plain bytes in place of each Buffer in it: `JSON.stringify` would ask their `toJSON` first, which
 * makes a list of all bytes.
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

/** What {@link hideToJson} has put plain bytes in the place of. */
export const unhide = (bytes: unknown): unknown => hidden.get(bytes as object) ?? bytes;
