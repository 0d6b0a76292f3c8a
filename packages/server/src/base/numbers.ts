/**
 * The number that an option or argument stands for: text is read, as Node's timers do. Undefined for what is not a number:
 * it counts as not given.
 */
export function numberOf(given: unknown): number | undefined {
  const number = typeof given === "string" && given.trim() !== "" ? Number(given) : given;
  return typeof number === "number" && !Number.isNaN(number) ? number : undefined;
}

/** The same, brought into bounds. */
export function bounded(given: unknown, least: number, most: number, fallback: number): number {
  return Math.min(most, Math.max(least, numberOf(given) ?? fallback));
}
