import type { IncomingMessage, ServerResponse } from "node:http";
import { createLog } from "../../base/log.ts";
import { type Notices, quote } from "../../base/notices.ts";
import { kNotices, kStats, kTell } from "../keys.ts";
import { servesHost } from "./own-host.ts";
import type { EngineStats } from "../report/stats.ts";

const log = createLog("engine");

/** A page has asked and may not read the answer, as `cors_mismatch` listeners of the engine get it. */
export interface CorsMismatch {
  readonly req: IncomingMessage;
  /** The origin of the page. */
  readonly origin: string;
}

/** What `writeHead` was given alone is not among the headers of Node's responses, but in the head that is sent. */
const WRITTEN = /^access-control-allow-origin: (.*)\r$/im;

/**
 * The origin of a page that asks and that its browser will not show the answer to, as the headers of an answer that is out say: it
 * polls in vain, and the server would never know. Undefined where all is well, or where it is not a page that asks.
 */
function unreadableBy(req: IncomingMessage, res: ServerResponse): string | undefined {
  const { origin, "sec-fetch-site": site } = req.headers;
  if (origin === undefined || site === "same-origin" || !/^https?:/i.test(origin) || !URL.canParse(origin)) {
    return undefined;
  }
  const allowed =
    res.getHeader("access-control-allow-origin") ?? WRITTEN.exec(String(Reflect.get(res, "_header")))?.[1];
  return allowed === "*" || allowed === origin || servesHost(req, new URL(origin)) ? undefined : origin;
}

/** An engine, as far as it reports pages that may not read its answers. */
export interface CorsHost {
  readonly [kStats]: EngineStats;
  readonly [kNotices]: Notices;
  [kTell](event: string, ...args: unknown[]): void;
}

/** Reports a page that has asked for a session and may not read the answer: it has no way to report that itself. */
export function reportUnreadable(host: CorsHost, req: IncomingMessage, res: ServerResponse): void {
  const origin = res.statusCode < 400 ? unreadableBy(req, res) : undefined;
  if (origin === undefined) return;
  host[kStats].corsMismatches += 1;
  if (log.enabled) log("a page of %s may not read the answer", origin);
  host[kNotices].say(
    "ORIGIN_NOT_ALLOWED",
    `A page of ${quote(origin)} may not read what it asks for: name that origin in the option cors.`,
  );
  const mismatch: CorsMismatch = { req, origin };
  host[kTell]("cors_mismatch", mismatch);
}
