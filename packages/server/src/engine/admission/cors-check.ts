import type { IncomingMessage, ServerResponse } from "node:http";
import { createLog } from "../../base/log.ts";
import { type Notices, quote } from "../../base/notices.ts";
import { kNotices, kStats, kEmitGuarded } from "../keys.ts";
import { servesHost } from "./own-host.ts";
import type { EngineStats } from "../report/stats.ts";

const log = createLog("engine");
const CODE = "ORIGIN_NOT_ALLOWED";

/** The argument of `cors_mismatch` listeners: the request of a page that may not read the response. */
export interface CorsMismatch {
  /** The request of the page. */
  readonly req: IncomingMessage;
  /** The origin of the page. */
  readonly origin: string;
}

/** Returns a header of a response. Headers passed to `writeHead` alone are only in `_header`. */
function headerOf(res: ServerResponse, name: string): unknown {
  return res.getHeader(name) ?? new RegExp(`^${name}: (.*)\r$`, "im").exec(String(Reflect.get(res, "_header")))?.[1];
}

/** Whether a page of another origin sent the request, or a page without an origin (a file, a sandbox). */
function isForeign(req: IncomingMessage, origin: string): boolean {
  if (origin === "null") return req.headers["sec-fetch-site"] !== "same-origin";
  return /^https?:/i.test(origin) && URL.canParse(origin) && !servesHost(req, new URL(origin));
}

/** Whether the request is a CORS preflight; without the option `cors`, the server refuses it. */
const isPreflight = ({ method, headers }: IncomingMessage): boolean =>
  method === "OPTIONS" && headers["access-control-request-method"] !== undefined;

/**
 * Returns advice if the browser will hide a sent response from its page, judged by the response's headers. Such a page
 * polls in vain, and the server would not notice. Returns undefined if the page may read it, or for other clients.
 */
function corsAdvice(req: IncomingMessage, res: ServerResponse, origin: string): string | undefined {
  if ((res.statusCode >= 400 && !isPreflight(req)) || !isForeign(req, origin)) return undefined;
  const allowed = headerOf(res, "access-control-allow-origin");
  const isNamed = allowed === origin;
  if (!isNamed && allowed !== "*") return adviseNaming(allowed);
  // A browser sends cookies to another origin only if the page has asked for it (`withCredentials`).
  const isTrusted = isNamed && headerOf(res, "access-control-allow-credentials") === "true";
  return req.headers.cookie === undefined || isTrusted
    ? undefined
    : "it sends cookies: name that origin in the option cors, with `credentials: true`.";
}

function adviseNaming(allowed: unknown): string {
  const now = typeof allowed === "string" && allowed !== "" ? ` (what it allows now is ${quote(allowed)})` : "";
  return `name that origin in the option cors${now}.`;
}

/** The part of an engine that reports pages without permission. */
export interface CorsHost {
  readonly [kStats]: EngineStats;
  readonly [kNotices]: Notices;
  [kEmitGuarded](event: string, ...args: unknown[]): void;
}

/** Reports a page that has requested a session and may not read the response. The page itself can't report it. */
export function reportUnreadable(host: CorsHost, req: IncomingMessage, res: ServerResponse): void {
  const { origin = "" } = req.headers;
  const advice = corsAdvice(req, res, origin);
  if (advice === undefined) return;
  host[kStats].corsMismatches += 1;
  if (log.enabled) log("a page of %s may not read the answer", origin);
  host[kNotices].say(CODE, `A page of ${quote(origin)} may not read the response: ${advice}`);
  const mismatch: CorsMismatch = { req, origin };
  host[kEmitGuarded]("cors_mismatch", mismatch);
}

/** Warns that a session was refused because of its page's origin. Listeners and counters get the refusal itself. */
export function noteRefusedOrigin(host: CorsHost, { headers: { origin = "" } }: IncomingMessage): void {
  host[kNotices].say(CODE, `A page of ${quote(origin)} may not connect: ${adviseNaming(undefined)}`);
}
