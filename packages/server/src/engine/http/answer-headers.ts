import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import type { Emitter } from "../../base/emitter.ts";
import { addCookie, type CookieOptions, mergeCookies } from "./cookie.ts";
import { kTell } from "../keys.ts";
import type { TransportRequest } from "./request.ts";

/** What is asked of the engine. */
interface Asked extends Emitter {
  readonly opts: { readonly cookie: boolean | CookieOptions };
  /** Calls listeners of the program. */
  [kTell](event: string, ...args: unknown[]): void;
}

/** Adds what the engine and its users add to an answer; the cookie goes with the first one of the session `sid`. */
export function addHeaders(engine: Asked, headers: OutgoingHttpHeaders, req: IncomingMessage, sid: string): void {
  const isFirst = !(req as TransportRequest)._query["sid"];
  if (isFirst && sid) addCookie(headers, engine.opts.cookie, sid);
  if (isFirst) askForHeaders(engine, "initial_headers", headers, req);
  askForHeaders(engine, "headers", headers, req);
}

function askForHeaders(
  engine: Asked,
  event: "initial_headers" | "headers",
  headers: OutgoingHttpHeaders,
  req: IncomingMessage,
): void {
  if (engine.listenerCount(event) === 0) return;
  const own = headers["Set-Cookie"];
  engine[kTell](event, headers, req);
  mergeCookies(headers, own);
}
