import { readRetryAfter } from "../../engine/index.ts";
import type { Unchecked } from "../typed-events.ts";

/** The longest delay that a server may ask for, in milliseconds: an hour. */
const LONGEST = 3_600_000;

/**
 * When a server that refuses or ends a connection wants to be tried again. It may say so in the reason of a WebSocket's
 * close (1012 and 1013, `... retry-after=<ms>`), or in the body of an HTTP refusal (`{ "retryAfter": <ms> }`).
 *
 * @param context of a transport's error, or of the details of a close
 * @returns milliseconds; 0 if nothing was said
 * @example retryHint({ code: 1013, reason: "overloaded retry-after=2000" }) // 2000
 */
export const retryHint = (context: Unchecked): number =>
  Math.min(readRetryAfter(context?.reason || context?.responseText), LONGEST);
