/** From this many characters on, looking through a string costs less than `JSON.stringify` going through it. */
const LONG_STRING = 2048;

/** What JSON escapes, the likeliest first: line feed, `"`, `\` and the other control characters. */
const ESCAPED: readonly string[] = [
  "\n",
  '"',
  "\\",
  ...Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)).filter((char) => char !== "\n"),
];

/**
 * `JSON.stringify`, faster for arguments among which there are long strings and no objects: V8 goes through a string
 * character by character, while a search for one character is vectorised, so that the 34 of them take a quarter of its time.
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

/** Whether a string among the arguments is long, and none is an object, whose `toJSON` would want to know its place. */
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
  // In an array JSON has null for what it does not know, such as undefined.
  return JSON.stringify(value) ?? "null";
}

function needsNoEscape(text: string): boolean {
  for (const char of ESCAPED) if (text.includes(char)) return false;
  // A lone surrogate is escaped, too. TypeScript has ES2022; the method is there since Node 20.
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}
