/**
 * Returns whether JSON text may be nested deeper than a limit. Quickly returns false for nearly
 * every text; counts brackets inside strings too.
 *
 * @param max deepest nesting allowed; `[[1]]` is 2 deep
 */
export function mayBeDeeperThan(json: string, max: number): boolean {
  // Each level costs two characters.
  if (json.length < 2 * (max + 1)) return false;
  let openers = 0;
  for (let at = json.indexOf("["); at !== -1; at = json.indexOf("[", at + 1)) if (++openers > max) return true;
  for (let at = json.indexOf("{"); at !== -1; at = json.indexOf("{", at + 1)) if (++openers > max) return true;
  return false;
}

/**
 * Returns whether a value is nested deeper than `max`, exactly. `JSON.parse` does not recurse, so
 * parsing any depth is safe, and visiting arrays and objects is far cheaper than scanning the text.
 * Recurses at most `max` deep.
 */
export function isDeeperThan(value: object, max: number): boolean {
  if (max <= 0) return true;
  const slots = value as Record<string, unknown>;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (isChildDeeper(value[i], max)) return true;
    return false;
  }
  for (const key in slots) if (isChildDeeper(slots[key], max)) return true;
  return false;
}

function isChildDeeper(child: unknown, max: number): boolean {
  return typeof child === "object" && child !== null && isDeeperThan(child, max - 1);
}
