import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import type { Emitter } from "../../base/emitter.ts";
import { addCookie, type CookieOptions, mergeCookies } from "./cookie.ts";
import { kEmitGuarded } from "../keys.ts";
import type { TransportRequest } from "./request.ts";

/** The part of the engine that adds headers. */
interface HeaderEmitter extends Emitter {
  readonly opts: { readonly cookie: boolean | CookieOptions };
  /** Emits an event; errors of listeners are reported. */
  [kEmitGuarded](event: string, ...args: unknown[]): void;
}

/** Adds the headers of the engine and of listeners to a response; the cookie only to the first response of `sid`. */
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
