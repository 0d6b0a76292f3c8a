import type { IncomingMessage } from "node:http";
import type { CorsOptions, CorsOptionsDelegate } from "cors";
import { servesHost } from "./own-host.ts";

type OriginRule = unknown;

/** Schemes of web pages. */
const WEB = new Set(["http:", "https:"]);
/** Schemes of browser extensions. Their requests carry the user's cookies. */
const EXTENSION = /-extension:$/;

/**
 * Checks a WebSocket handshake's `Origin` by the rules of the option `cors`. The same origin and clients that are not pages
 * in a browser always pass.
 *
 * @param answer receives false for a forbidden page, or if a rule throws or fails
 */
export function checkOrigin(
  req: IncomingMessage,
  cors: CorsOptions | CorsOptionsDelegate,
  answer: (isAllowed: boolean) => void,
): void {
  const { origin } = req.headers;
  if (origin === undefined) return answer(true);
  const url = origin === "null" ? undefined : parseOrigin(origin);
  if (origin !== "null" && isHarmless(url, req)) return answer(true);
  // Clients other than browsers may spell the origin differently.
  const isPlain = url === undefined || url.origin === origin || !WEB.has(url.protocol);
  const spellings = isPlain ? [origin] : [origin, url.origin];
  try {
    if (typeof cors !== "function") return applyOptions(cors, spellings, answer);
    cors(req, (error, options) => (error || !options ? answer(false) : applyOptions(options, spellings, answer)));
  } catch {
    answer(false);
  }
}

function parseOrigin(origin: string): URL | undefined {
  try {
    return new URL(origin);
  } catch {
    return undefined;
  }
}

/**
 * Whether the origin is the server's own, or can't be a page of another site. Apps and devices send anything: their server
 * as `wss://`, `capacitor://localhost`, `*`. `file:` may be a page or a device; only a page carries credentials, and only
 * those make it dangerous.
 */
function isHarmless(url: URL | undefined, req: IncomingMessage): boolean {
  if (url === undefined) return true;
  if (WEB.has(url.protocol)) return servesHost(req, url);
  if (url.protocol === "file:") return req.headers.cookie === undefined && req.headers.authorization === undefined;
  return !EXTENSION.test(url.protocol);
}

function applyOptions(
  { origin: rule }: CorsOptions,
  spellings: readonly string[],
  answer: (isAllowed: boolean) => void,
): void {
  if (typeof rule !== "function") return answer(spellings.some((origin) => isAllowed(rule ?? "*", origin)));
  const ask = ([origin, ...others]: readonly string[]): void => {
    if (origin === undefined) return answer(false);
    rule(origin, (error, allowed) => (!error && isAllowed(allowed, origin) ? answer(true) : ask(others)));
  };
  ask(spellings);
}

/** Matches an origin by a rule of the package `cors`, other than a function. */
function isAllowed(rule: OriginRule, origin: string): boolean {
  if (Array.isArray(rule)) return rule.some((one) => isAllowed(one, origin));
  if (rule instanceof RegExp) {
    rule.lastIndex = 0;
    return rule.test(origin);
  }
  return rule === true || rule === "*" || rule === origin;
}
