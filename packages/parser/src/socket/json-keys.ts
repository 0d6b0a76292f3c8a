const QUOTE = 34;
const COLON = 58;
const BACKSLASH = 92;

/** What a key takes at least in JSON text: `"":1,`. */
const SHORTEST = 5;

/** Whether JSON text has more keys than a limit, in all its objects together. Text that is no JSON gets any answer. */
export function hasMoreKeysThan(json: string, max: number): boolean {
  if (json.length <= SHORTEST * max) return false;
  let colons = 0;
  for (let at = json.indexOf(":"); at !== -1; at = json.indexOf(":", at + 1)) {
    if (++colons > max) return countKeys(json) > max;
  }
  return false;
}

/** The exact number: colons within strings do not count. */
function countKeys(json: string): number {
  let keys = 0;
  for (let at = 0; at < json.length; at++) {
    const char = json.charCodeAt(at);
    if (char === COLON) keys++;
    else if (char === QUOTE) at = endOfString(json, at);
  }
  return keys;
}

/** @returns the index of the quote that ends the string which begins at `start`, or the end of the text */
function endOfString(json: string, start: number): number {
  for (let at = start + 1; at < json.length; at++) {
    const char = json.charCodeAt(at);
    if (char === QUOTE) return at;
    if (char === BACKSLASH) at++;
  }
  return json.length;
}
