import type { IncomingMessage } from "node:http";
import type { CorsOptions, CorsOptionsDelegate } from "cors";
import { servesHost } from "./own-host.ts";

type OriginRule = unknown;

/** Schemes of pages on the web. A page never has one of the others. */
const WEB = new Set(["http:", "https:"]);
/** Schemes of pages that a browser shows besides: of its extensions, which act with the cookies of their visitor. */
const EXTENSION = /-extension:$/;

/**
 * Whether a WebSocket handshake may come from the page that it comes from: what `cors` says of HTTP requests. The same
 * origin may always, and so may what is not a page of a browser.
 *
 * @param answer gets false for a page that may not; a rule that throws or fails means no
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
  // Clients that are not browsers may write the origin of a page in another way.
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
 * Whether an origin is that of the server, or one that no page of another has. Apps and devices name what they like: their
 * server as `wss://`, `capacitor://localhost`, `*`. A file is a page all the same, which some browsers name and devices
 * claim to be: what tells them apart, and what makes a page dangerous, are the credentials that a browser adds.
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

/** What the option `origin` of the package `cors` takes, functions excepted. */
function isAllowed(rule: OriginRule, origin: string): boolean {
  if (Array.isArray(rule)) return rule.some((one) => isAllowed(one, origin));
  if (rule instanceof RegExp) {
    rule.lastIndex = 0;
    return rule.test(origin);
  }
  return rule === true || rule === "*" || rule === origin;
}
