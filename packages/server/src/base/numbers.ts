/** Converts an option or argument to a number; accepts text, as Node's timers do. Returns undefined for anything else. */
export function numberOf(given: unknown): number | undefined {
  const number = typeof given === "string" && given.trim() !== "" ? Number(given) : given;
  return typeof number === "number" && !Number.isNaN(number) ? number : undefined;
}

/** Converts to a number within bounds; returns `fallback` if it is not a number. */
export function bounded(given: unknown, least: number, most: number, fallback: number): number {
  return Math.min(most, Math.max(least, numberOf(given) ?? fallback));
}
