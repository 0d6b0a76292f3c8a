import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import type { Emitter } from "../../base/emitter.ts";
import { addCookie, type CookieOptions, mergeCookies } from "./cookie.ts";
import { kEmitGuarded } from "../keys.ts";
import type { TransportRequest } from "./request.ts";

/** What is asked of the engine. */
interface HeaderEmitter extends Emitter {
  readonly opts: { readonly cookie: boolean | CookieOptions };
  /** Calls listeners of the program. */
  [kEmitGuarded](event: string, ...args: unknown[]): void;
}

/** Adds what the engine and its users add to an answer; the cookie goes with the first one of the session `sid`. */
export function addHeaders(
  engine: HeaderEmitter,
  headers: OutgoingHttpHeaders,
  req: IncomingMessage,
  sid: string,
): void {
  const isFirst = !(req as TransportRequest)._query["sid"];
  if (isFirst && sid) addCookie(headers, engine.opts.cookie, sid);
  if (isFirst) askForHeaders(engine, "initial_headers", headers, req);
  askForHeaders(engine, "headers", headers, req);
}

function askForHeaders(
  engine: HeaderEmitter,
  event: "initial_headers" | "headers",
  headers: OutgoingHttpHeaders,
  req: IncomingMessage,
): void {
  if (engine.listenerCount(event) === 0) return;
  const own = headers["Set-Cookie"];
  engine[kEmitGuarded](event, headers, req);
  mergeCookies(headers, own);
}
