/** From this length on, searching a string for escapes is faster than `JSON.stringify`. */
const LONG_STRING = 2048;

/** The characters that JSON escapes, likeliest first: line feed, `"`, `\` and the other control characters. */
const ESCAPED: readonly string[] = [
  "\n",
  '"',
  "\\",
  ...Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)).filter((char) => char !== "\n"),
];

/**
 * Does the same as `JSON.stringify`, faster for arguments with long strings and no objects. V8 escapes a string character
 * by character; searching for one character is vectorised, so that the 34 searches take a quarter of the time.
 */
// hot path: 3.1 % of the server's time in `pipelined`
export function stringifyData(
  data: unknown,
  replacer?: (this: unknown, key: string, value: unknown) => unknown,
): string {
  if (replacer !== undefined || !Array.isArray(data) || !isWorthwhile(data)) return JSON.stringify(data, replacer);
  let text = "[";
  for (let i = 0; i < data.length; i++) {
    if (i > 0) text += ",";
    text += stringifyPrimitive(data[i]);
  }
  return text + "]";
}

/** Whether an argument is a long string and none is an object (`toJSON` would need its key). */
function isWorthwhile(args: readonly unknown[]): boolean {
  let hasLongString = false;
  for (let i = 0; i < args.length; i++) {
    const value = args[i];
    if (typeof value === "string") hasLongString ||= value.length >= LONG_STRING;
    else if (typeof value === "object" && value !== null) return false;
  }
  return hasLongString;
}

function stringifyPrimitive(value: unknown): string {
  if (typeof value === "string" && value.length >= LONG_STRING && needsNoEscape(value)) return '"' + value + '"';
  // JSON writes null for undefined and other unsupported values in arrays.
  return JSON.stringify(value) ?? "null";
}

function needsNoEscape(text: string): boolean {
  for (const char of ESCAPED) if (text.includes(char)) return false;
  // Lone surrogates are escaped as well. Node 20 has the method, ES2022 does not.
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}
