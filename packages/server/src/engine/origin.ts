import type { IncomingMessage } from "node:http";
import type { CorsOptions, CorsOptionsDelegate } from "cors";

type Rule = unknown;

/**
 * Whether a WebSocket handshake may come from the page that it comes from: what `cors` says of HTTP requests. The same
 * origin may always, and so may clients that are no browsers and send no Origin.
 *
 * @param answer gets false for a page that may not; a rule that throws or fails means no
 */
export function checkOrigin(
  req: IncomingMessage,
  cors: CorsOptions | CorsOptionsDelegate,
  answer: (isAllowed: boolean) => void,
): void {
  const { origin } = req.headers;
  if (origin === undefined || isSameOrigin(origin, req.headers.host)) return answer(true);
  try {
    if (typeof cors !== "function") return applyOptions(cors, origin, answer);
    cors(req, (error, options) => (error || !options ? answer(false) : applyOptions(options, origin, answer)));
  } catch {
    answer(false);
  }
}

/** A proxy may have taken the encryption off: the scheme is not compared. */
function isSameOrigin(origin: string, host: string | undefined): boolean {
  return host !== undefined && (origin === `https://${host}` || origin === `http://${host}`);
}

function applyOptions({ origin: rule }: CorsOptions, origin: string, answer: (isAllowed: boolean) => void): void {
  if (typeof rule !== "function") return answer(isAllowed(rule ?? "*", origin));
  rule(origin, (error, allowed) => answer(!error && isAllowed(allowed, origin)));
}

/** What the option `origin` of the package `cors` takes, functions excepted. */
function isAllowed(rule: Rule, origin: string): boolean {
  if (Array.isArray(rule)) return rule.some((one) => isAllowed(one, origin));
  if (rule instanceof RegExp) {
    rule.lastIndex = 0;
    return rule.test(origin);
  }
  return rule === true || rule === "*" || rule === origin;
}
