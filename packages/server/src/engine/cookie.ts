import type { OutgoingHttpHeaders } from "node:http";
import { stringifySetCookie } from "cookie";
import type { CookieOptions } from "./options.ts";

/** Adds the cookie with the id of a session, which the option `cookie` asks for. */
export function addCookie(headers: OutgoingHttpHeaders, options: CookieOptions | false, sid: string): void {
  if (!options) return;
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
