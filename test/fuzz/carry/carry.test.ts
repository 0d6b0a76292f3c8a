import { afterEach, beforeEach, describe, test, vi } from "vitest";
import { Random } from "../../support/random.ts";
import type { Kind } from "./ends.ts";
import { Ledgers } from "./ledgers.ts";
import { World } from "./world.ts";

const rounds = process.env["FUZZ_ROUNDS"];
const SEED = Number(process.env["FUZZ_SEED"] ?? 1);
const TIMEOUT = 600_000;

/** Runs `count` interleavings from each seed in turn; an interleaving lies between two moments of rest. */
function forInterleavings(total: number, count: number, run: (random: Random, count: number) => void): void {
  const last = SEED + Math.ceil(total / count) - 1;
  for (let seed = SEED; seed <= last; seed++) {
    try {
      run(new Random(seed), count);
    } catch (error) {
      throw new Error(`FUZZ_SEED=${seed}: ${(error as Error).message}`, { cause: error });
    }
  }
  if (rounds) console.log(`${Math.ceil(total)} interleavings, seeds ${SEED} to ${last}`);
}

test("two ledgers lose, double and reorder nothing at any interleaving", { timeout: TIMEOUT }, () => {
  forInterleavings(rounds ? 1_000_000 : 100_000, 100, (random, count) => {
    const ledgers = new Ledgers(random);
    for (let left = count; left > 0; left--) {
      for (let steps = 4 + random.below(16); steps > 0; steps--) ledgers.step();
      const fault = ledgers.settle();
      if (fault) throw new Error(fault);
    }
  });
});

describe("two sessions lose, double and reorder nothing at any interleaving", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Transports, and the deaths in a row without a message after which a client with them gives up. */
  const KINDS: [readonly Kind[], number][] = [
    [["polling", "websocket"], 5],
    [["websocket"], 2],
    [["polling"], 2],
  ];

  test.each(KINDS)("over %j", { timeout: TIMEOUT }, (kinds, most) => {
    forInterleavings((rounds ? 1_000_000 : 12_000) / KINDS.length, 10, (random, count) => {
      const world = new World(random, kinds);
      for (let left = count; left > 0; left--) {
        for (let steps = 4 + random.below(24); steps > 0; steps--) world.step(most);
        world.settle();
      }
      vi.clearAllTimers();
    });
  });
});
