import type { IncomingMessage, ServerResponse } from "node:http";
import { createLog } from "../../base/log.ts";
import { type Notices, quote } from "../../base/notices.ts";
import { kNotices, kStats, kEmitGuarded } from "../keys.ts";
import { servesHost } from "./own-host.ts";
import type { EngineStats } from "../report/stats.ts";

const log = createLog("engine");
const CODE = "ORIGIN_NOT_ALLOWED";

/** A page has asked and may not read the answer, as `cors_mismatch` listeners of the engine get it. */
export interface CorsMismatch {
  readonly req: IncomingMessage;
  /** The origin of the page. */
  readonly origin: string;
}

/** What `writeHead` was given alone is not among the headers of Node's responses, but in the head that is sent. */
function headerOf(res: ServerResponse, name: string): unknown {
  return res.getHeader(name) ?? new RegExp(`^${name}: (.*)\r$`, "im").exec(String(Reflect.get(res, "_header")))?.[1];
}

/** Whether a page of another server sent the request, or a page without a server: a file, a sandbox. */
function isForeign(req: IncomingMessage, origin: string): boolean {
  if (origin === "null") return req.headers["sec-fetch-site"] !== "same-origin";
  return /^https?:/i.test(origin) && URL.canParse(origin) && !servesHost(req, new URL(origin));
}

/** A browser asks whether its page may ask; what it is answered by a server without `cors` is a refusal. */
const isPreflight = ({ method, headers }: IncomingMessage): boolean =>
  method === "OPTIONS" && headers["access-control-request-method"] !== undefined;

/**
 * What the program has to do about a page that asks and that its browser will not show the answer to, as the headers of an
 * answer that is out say: it polls in vain, and the server would never know. Undefined where all is well, or where it is
 * not a page that asks.
 */
function adviceFor(req: IncomingMessage, res: ServerResponse, origin: string): string | undefined {
  if ((res.statusCode >= 400 && !isPreflight(req)) || !isForeign(req, origin)) return undefined;
  const allowed = headerOf(res, "access-control-allow-origin");
  const isNamed = allowed === origin;
  if (!isNamed && allowed !== "*") return adviseNaming(allowed);
  // A browser adds cookies to requests of another origin where the page has asked for it, and nowhere else.
  const isTrusted = isNamed && headerOf(res, "access-control-allow-credentials") === "true";
  return req.headers.cookie === undefined || isTrusted
    ? undefined
    : "it sends cookies: name that origin in the option cors, with `credentials: true`.";
}

function adviseNaming(allowed: unknown): string {
  const now = typeof allowed === "string" && allowed !== "" ? ` (what it allows now is ${quote(allowed)})` : "";
  return `name that origin in the option cors${now}.`;
}

/** An engine, as far as it reports pages that may not read its answers. */
export interface CorsHost {
  readonly [kStats]: EngineStats;
  readonly [kNotices]: Notices;
  [kEmitGuarded](event: string, ...args: unknown[]): void;
}

/** Reports a page that has asked for a session and may not read the answer: it has no way to report that itself. */
export function reportUnreadable(host: CorsHost, req: IncomingMessage, res: ServerResponse): void {
  const { origin = "" } = req.headers;
  const advice = adviceFor(req, res, origin);
  if (advice === undefined) return;
  host[kStats].corsMismatches += 1;
  if (log.enabled) log("a page of %s may not read the answer", origin);
  host[kNotices].say(CODE, `A page of ${quote(origin)} may not read what it asks for: ${advice}`);
  const mismatch: CorsMismatch = { req, origin };
  host[kEmitGuarded]("cors_mismatch", mismatch);
}

/** Says in the log that a WebSocket was refused for the page's origin: listeners and counters have the refusal. */
export function noteRefusedOrigin(host: CorsHost, { headers: { origin = "" } }: IncomingMessage): void {
  host[kNotices].say(CODE, `A page of ${quote(origin)} may not open a WebSocket: ${adviseNaming(undefined)}`);
}
