import { serverClock } from "@portage/server/relay";
import { expect, test } from "vitest";
import { RedisHistory, resolveHistory } from "../../../../packages/cluster/src/redis/history.ts";
import { Outages } from "../../../../packages/cluster/src/redis/outages.ts";
import type { RedisPort } from "../../../../packages/cluster/src/redis/port.ts";

const port = (): RedisPort => ({
  prefix: "",
  isUp: () => true,
  eval: () => Promise.reject(new Error("not here")),
  command: () => Promise.reject(new Error("not here")),
  subscribe: () => Promise.resolve(),
  unsubscribe: () => undefined,
  observe: () => () => undefined,
  close: () => undefined,
});

test("a node that ends after the next one has started leaves that one its log", () => {
  const history = new RedisHistory("test", resolveHistory({}));
  const start = { clock: serverClock, address: undefined, needsSecret: false, emit: () => undefined };
  const begin = (): (() => void) => {
    const own = port();
    return history.start(own, start, new Outages(own, start));
  };
  const endFirst = begin();
  const endSecond = begin();
  endFirst();
  expect(history.adapters.log.isUp).toBe(true);
  endSecond();
  expect(history.adapters.log.isUp).toBe(false);
});
