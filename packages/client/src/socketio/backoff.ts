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
export const backoffDelay = (
  attempt: number,
  { reconnectionDelay, reconnectionDelayMax: max, randomizationFactor }: BackoffSettings,
  random: number,
): number =>
  Math.floor(
    max -
      Math.abs(
        max -
          Math.min(reconnectionDelay * 2 ** attempt, max) * (1 + Math.min(randomizationFactor, 1) * (2 * random - 1)),
      ),
  );
