import { expect, test } from "vitest";
import { RouteChoice } from "../../../packages/cluster/src/links/route-choice.ts";
import type { Route } from "../../../packages/cluster/src/links/route.ts";

const FIRST: Route = { kind: "tcp", host: "10.0.0.1", port: 1 };
const SECOND: Route = { kind: "bus", connect: () => undefined as never };
const BOTH = [FIRST, SECOND];

test("the only route is chosen always", () => {
  const choice = new RouteChoice();
  for (let now = 0; now < 5000; now += 500) {
    expect(choice.choose([FIRST], now)).toBe(FIRST);
    choice.fail();
  }
  expect(choice.choose([], 0)).toBeUndefined();
});

test("the second is tried once the first has failed for a second, and in turn if it fails, too", () => {
  const choice = new RouteChoice();
  const chosen = [0, 400, 900, 1000, 1100, 1200, 1300].map((now) => {
    const route = choice.choose(BOTH, now);
    choice.fail();
    return route?.kind;
  });
  expect(chosen).toEqual(["tcp", "tcp", "tcp", "bus", "tcp", "bus", "tcp"]);
});

test("a second route with success is kept for a minute, then the first is tried again", () => {
  const choice = new RouteChoice();
  choice.choose(BOTH, 0);
  choice.fail();
  expect(choice.choose(BOTH, 1000)).toBe(SECOND);
  choice.succeed();
  expect(choice.choose(BOTH, 59_000)).toBe(SECOND);
  choice.succeed();
  expect(choice.choose(BOTH, 61_000)).toBe(FIRST);
  choice.fail();
  expect(choice.choose(BOTH, 61_050)).toBe(SECOND);
});

test("a first route with success is chosen again", () => {
  const choice = new RouteChoice();
  choice.choose(BOTH, 0);
  choice.fail();
  choice.choose(BOTH, 1000);
  choice.succeed();
  choice.succeed("first");
  expect(choice.choose(BOTH, 2000)).toBe(FIRST);
});
