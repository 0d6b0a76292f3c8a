/** The longest delay that a server may ask for, in milliseconds: an hour. */
const LONGEST = 3_600_000;

/**
 * When a server that refuses or ends a connection wants to be tried again. It may say so in the reason of a WebSocket's
 * close (1012 and 1013, `... retry-after=<ms>`), or in the body of an HTTP refusal (`{ "retryAfter": <ms> }`).
 *
 * @param failure a transport's error or the details of a close: what its `context` carries
 * @returns milliseconds; 0 if nothing was said
 * @example retryHint({ context: { code: 1013, reason: "overloaded retry-after=2000" } }) // 2000
 */
export function retryHint(failure: unknown): number {
  const context = (failure as { context?: { reason?: unknown; responseText?: unknown } } | undefined)?.context;
  const found = /retry-?after"?[=:] *(\d+)/i.exec(String(context?.reason || context?.responseText));
  return found ? Math.min(Number(found[1]), LONGEST) : 0;
}
