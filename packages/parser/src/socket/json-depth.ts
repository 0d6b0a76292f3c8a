/**
 * Whether JSON text could be nested deeper than a limit: a quick no for nearly every text. Openers within strings count.
 *
 * @param max deepest nesting allowed; `[[1]]` is 2 deep
 */
export function mayBeDeeperThan(json: string, max: number): boolean {
  // each level costs two characters
  if (json.length < 2 * (max + 1)) return false;
  let openers = 0;
  for (let at = json.indexOf("["); at !== -1; at = json.indexOf("[", at + 1)) if (++openers > max) return true;
  for (let at = json.indexOf("{"); at !== -1; at = json.indexOf("{", at + 1)) if (++openers > max) return true;
  return false;
}

/**
 * The exact answer, from the value that `JSON.parse` made (it does not recurse, so any depth can be parsed). Looking at
 * arrays and objects only costs a fraction of looking at each character. Recurses as deep as the limit, not as the data.
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
