import type { OutgoingHttpHeaders } from "node:http";
import { type SerializeOptions, stringifySetCookie } from "cookie";
import { UsageError } from "../usage-errors.ts";

export interface CookieOptions extends SerializeOptions {
  /** Name of the cookie. Default `"io"`. */
  name?: string;
}

const COOKIE_DEFAULTS = { name: "io", path: "/", httpOnly: true, sameSite: "lax" } as const;

/** Options that are complete. */
const resolvedCookies = new WeakSet<CookieOptions>();

/** Completes the options of a cookie, once per object. */
export function resolveCookie(cookie: true | CookieOptions): CookieOptions {
  if (cookie !== true && resolvedCookies.has(cookie)) return cookie;
  const given = cookie === true ? {} : cookie;
  const resolved: CookieOptions = { ...COOKIE_DEFAULTS, ...given };
  // Only an explicit false makes the cookie readable for scripts.
  resolved.httpOnly = given.httpOnly !== false;
  if ((given.path as unknown) === false) delete resolved.path;
  try {
    stringifySetCookie({ ...resolved, name: resolved.name ?? "io", value: "id" });
  } catch (error) {
    throw new UsageError("OPTION_INVALID", `the option cookie is invalid: ${(error as Error).message}`);
  }
  resolvedCookies.add(resolved);
  return resolved;
}

/** Adds the cookie of the option `cookie`, with the id of the session. */
export function addCookie(headers: OutgoingHttpHeaders, option: CookieOptions | boolean, sid: string): void {
  if (!option) return;
  const options = resolveCookie(option);
  headers["Set-Cookie"] = [stringifySetCookie({ ...options, name: options.name ?? "io", value: sid })];
}

/** Merges cookies that listeners have set, in any case of `Set-Cookie`, with the engine's own. */
export function mergeCookies(headers: OutgoingHttpHeaders, own: OutgoingHttpHeaders[string]): void {
  const cookies = new Set<string>(own === undefined ? [] : [own].flat().map(String));
  for (const name of Object.keys(headers)) {
    if (name.toLowerCase() !== "set-cookie") continue;
    for (const cookie of [headers[name] ?? []].flat()) cookies.add(String(cookie));
    delete headers[name];
  }
  if (cookies.size > 0) headers["Set-Cookie"] = [...cookies];
}
