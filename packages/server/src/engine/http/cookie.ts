import type { OutgoingHttpHeaders } from "node:http";
import { stringifySetCookie } from "cookie";
import { type CookieOptions, resolveCookie } from "../options.ts";

/** Adds the cookie with the id of a session, which the option `cookie` asks for. */
export function addCookie(headers: OutgoingHttpHeaders, option: CookieOptions | boolean, sid: string): void {
  if (!option) return;
  const options = resolveCookie(option);
  headers["Set-Cookie"] = [stringifySetCookie({ ...options, name: options.name ?? "io", value: sid })];
}

/** A listener that sets `set-cookie`, in whatever case, adds to the engine's own cookie. */
export function mergeCookies(headers: OutgoingHttpHeaders, own: OutgoingHttpHeaders[string]): void {
  const cookies = new Set<string>(own === undefined ? [] : [own].flat().map(String));
  for (const name of Object.keys(headers)) {
    if (name.toLowerCase() !== "set-cookie") continue;
    for (const cookie of [headers[name] ?? []].flat()) cookies.add(String(cookie));
    delete headers[name];
  }
  if (cookies.size > 0) headers["Set-Cookie"] = [...cookies];
}
