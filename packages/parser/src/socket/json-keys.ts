import { COLON } from "../characters.ts";

const QUOTE = 34;
const BACKSLASH = 92;

/** Fewest characters of a key in JSON text: `"":1,`. */
const SHORTEST = 5;

/**
 * Returns whether JSON text has more than `max` keys, in all its objects together. The result for
 * malformed JSON is arbitrary.
 */
export function hasMoreKeysThan(json: string, max: number): boolean {
  if (json.length <= SHORTEST * max) return false;
  let colons = 0;
  for (let at = json.indexOf(":"); at !== -1; at = json.indexOf(":", at + 1)) {
    if (++colons > max) return countKeys(json) > max;
  }
  return false;
}

/** Counts keys exactly: skips colons inside strings. */
function countKeys(json: string): number {
  let keys = 0;
  for (let at = 0; at < json.length; at++) {
    const char = json.charCodeAt(at);
    if (char === COLON) keys++;
    else if (char === QUOTE) at = endOfString(json, at);
  }
  return keys;
}

/**
 * Returns the index of the closing quote of the string that begins at
 * `start`, or the end of the text.
 */
function endOfString(json: string, start: number): number {
  for (let at = start + 1; at < json.length; at++) {
    const char = json.charCodeAt(at);
    if (char === QUOTE) return at;
    if (char === BACKSLASH) at++;
  }
  return json.length;
}
