/** How long to wait before a reconnection. Times are in milliseconds. */
export interface BackoffSettings {
  /** Delay of the first attempt; each further one doubles it. */
  reconnectionDelay: number;
  /** The longest delay. */
  reconnectionDelayMax: number;
  /** How far a delay strays from that, from 0 (not at all) to 1 (from nothing to twice as long). */
  randomizationFactor: number;
}

/**
 * The delay before attempt `attempt + 1`. What strays over the maximum is reflected below it: clients that lost their
 * server together stay spread even when all have reached the maximum.
 *
 * @param random from 0 to below 1
 * @example backoffDelay(2, { reconnectionDelay: 1000, reconnectionDelayMax: 5000, randomizationFactor: 0 }, 0) // 4000
 */
export function backoffDelay(attempt: number, settings: BackoffSettings, random: number): number {
  const max = settings.reconnectionDelayMax;
  const base = Math.min(settings.reconnectionDelay * 2 ** attempt, max);
  const delay = base * (1 + Math.min(settings.randomizationFactor, 1) * (2 * random - 1));
  return Math.floor(delay > max ? 2 * max - delay : delay);
}
