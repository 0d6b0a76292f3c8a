import type { IncomingMessage } from "node:http";
import { pageQuery } from "./handler.ts";

/** What `id:` carries: the secret of a session, and the offset of an event, which is empty before the first one. */
const LAST_EVENT_ID = /^([\w-]{1,64})\.([\x20-\x7e]{0,256})$/;

/**
 * Returns what a client sends to resume its session: empty if it does not ask. A browser repeats its URL when it returns, so
 * its header is newer than the query.
 */
export function resumedFrom(req: IncomingMessage): { pid?: string | null; offset?: string } {
  const text = req.headers["last-event-id"] ?? pageQuery(req)["last_event_id"] ?? "";
  if (text === "") return {};
  const [, pid, offset = ""] = LAST_EVENT_ID.exec(String(text)) ?? [];
  // Refused as malformed, and told so.
  if (pid === undefined) return { pid: null };
  return offset === "" ? { pid } : { pid, offset };
}

/** Returns the token of a client without an `auth` function. */
export function defaultAuth(req: IncomingMessage): Record<string, unknown> {
  const token = pageQuery(req)["token"] ?? cookieOf(req) ?? bearerOf(req);
  return token === undefined ? {} : { token };
}

function cookieOf({ headers: { cookie = "" } }: IncomingMessage): string | undefined {
  const value = /(?:^|;)\s*token=("?)([^;"]*)\1/.exec(cookie)?.[2];
  if (value === undefined) return undefined;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function bearerOf({ headers: { authorization = "" } }: IncomingMessage): string | undefined {
  return /^Bearer +(\S+)\s*$/i.exec(authorization)?.[1];
}
