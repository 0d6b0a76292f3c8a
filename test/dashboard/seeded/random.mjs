/** Numbers that are the same in each run with the same seed. */
export function randomOf(seed) {
  let state = seed >>> 0;
  const share = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { share, below: (most) => Math.floor(share() * most) };
}

/**
 * Calls a function again and again.
 *
 * @param {number} ms
 * @param {() => unknown} act
 */
export const every = (ms, act) => setInterval(act, ms);
