import { describe, expect, test } from "vitest";
import { WAYS } from "../../support/clients.ts";
import { LOSSES } from "../../support/scripted/relay.ts";
import { NoLossRun, numbers } from "./no-loss-run.ts";

const SEEDS = [1, 2, 3];

describe.concurrent.each(Object.entries(WAYS))("%s", (_way, options) => {
  test.each(SEEDS)("in a living connection nothing is lost, doubled or out of order, seed %i", async (seed) => {
    const run = await NoLossRun.start(seed, options, false);
    try {
      await run.talk(600);
      await run.settle();
      expect(run.received).toEqual(numbers(run.sentUp));
      expect(run.client.connected).toBe(true);
    } finally {
      await run.stop();
    }
  });

  describe("with recovery", () => {
    const back = { ...options, reconnection: true, reconnectionDelay: 1, reconnectionDelayMax: 5, timeout: 2000 };

    test.each(LOSSES)("nothing is lost by connections that are lost: %s", async (loss) => {
      const run = await NoLossRun.start(LOSSES.indexOf(loss), { ...back, retries: 20, ackTimeout: 250 }, true);
      try {
        for (let round = 0; round < 4; round++) {
          // While messages are under way.
          const [, lost] = await Promise.all([run.talk(80), run.talk(20).then(() => run.lose(loss))]);
          expect(lost).toBeUndefined();
        }
        await run.settle();
        // The client repeats unacknowledged messages: at least once, and in order.
        expect([...new Set(run.received)]).toEqual(numbers(run.sentUp));
      } finally {
        await run.stop();
      }
    });
  });
});
