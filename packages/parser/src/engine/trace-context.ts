/** W3C Trace Context, 3.2: later versions may be longer. */
const TRACEPARENT = /^(?!ff)[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}(?:$|-)/;
const TRACEPARENT_SIZE = 55;
const LONGEST_TRACEPARENT = 512;

/**
 * Whether `data` is a trace context: W3C `traceparent`, at most 512 characters.
 *
 * @example isTraceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01") // true
 */
export function isTraceparent(data: unknown): data is string {
  if (typeof data !== "string" || data.length > LONGEST_TRACEPARENT || !TRACEPARENT.test(data)) return false;
  return data.length === TRACEPARENT_SIZE || !data.startsWith("00");
}
