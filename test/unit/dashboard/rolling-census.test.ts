import { expect, test } from "vitest";
import { RollingCensus } from "../../../packages/server/src/dashboard/findings/census.ts";
import { Bench } from "../socketio/peer.ts";

test("a connection counts once, whatever namespaces its client has joined and left", async () => {
  const bench = new Bench();
  for (const namespace of ["/chat", "/news"]) bench.io.of(namespace);
  const [first, second] = [await bench.join(), await bench.join()];
  await bench.join();
  await first.peer.say("0/chat,", "0/news,");
  await second.peer.say("0/news,", "1");
  bench.clock.advance(31_000);
  const census = new RollingCensus(bench.io, bench.clock);
  census.turn();
  expect(census.result.networks.map(({ connections }) => connections)).toEqual([3]);
});
