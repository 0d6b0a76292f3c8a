import { expect, test } from "vitest";
import { HotClients } from "../../../packages/server/src/dashboard/findings/hot-clients.ts";
import { HeavyKeys } from "../../../packages/server/src/dashboard/sampling/sketch.ts";

/** The packets of one second, by client. */
function secondOf(packets: Readonly<Record<string, number>>): HeavyKeys {
  const keys = new HeavyKeys();
  for (const [sid, count] of Object.entries(packets)) keys.add(sid, count);
  return keys;
}

test("seconds count if a client sends a large share of many packets", () => {
  const hot = new HotClients();
  hot.turn(secondOf({}));
  for (let second = 0; second < 6; second++) hot.turn(secondOf({ ada: 100, bo: 20 }));
  // Too small a share, and too few packets.
  hot.turn(secondOf({ ada: 100, bo: 90, cy: 90, di: 90, eve: 90 }));
  hot.turn(secondOf({ ada: 10 }));
  for (let second = 0; second < 3; second++) hot.turn(secondOf({ ada: 60, bo: 200 }));
  expect([hot.secondsOf("ada"), hot.secondsOf("bo"), hot.secondsOf("cy")]).toEqual([6, 3, 0]);
  for (let second = 0; second < 20; second++) hot.turn(secondOf({ bo: 500 }));
  expect([hot.secondsOf("ada"), hot.secondsOf("bo")]).toEqual([0, 20]);
});
