import { createServer } from "node:http";
import { describe, expect, test } from "vitest";
import { Server } from "@portage/server";
import { Server as Engine } from "@portage/server/engine";
import { resolveEngineOptions } from "../../packages/server/src/engine/options.ts";
import { timesForClient } from "../../packages/server/src/engine/session/host.ts";
import { resolveSlowReader } from "../../packages/server/src/engine/outgoing/slow-reader.ts";
import { TokenBucket } from "../../packages/server/src/base/token-bucket.ts";
import { resolveLimits } from "../../packages/server/src/socketio/limits.ts";
import { FakeClock } from "./support/fake-clock.ts";

const refused = expect.objectContaining({ name: "UsageError", code: "OPTION_INVALID" });
const ABSENT = [undefined, null, false] as never[];

describe("limits of the server", () => {
  const ENGINE = [
    "maxPayloadPackets",
    "maxReceivingBytes",
    "maxPollPackets",
    "maxConnections",
    "maxConnectionsPerAddress",
    "maxHandshakesPerSecond",
  ] as const;

  test.each(ENGINE)("%s is a number that admits clients, or refused", (name) => {
    for (const absent of ABSENT)
      expect(resolveEngineOptions({ [name]: absent })[name]).toBe(resolveEngineOptions({})[name]);
    expect(resolveEngineOptions({ [name]: "7" as never })[name]).toBe(7);
    expect(resolveEngineOptions({ [name]: Infinity })[name]).toBe(Infinity);
    for (const odd of [0, -1, Number.NaN, "", "x", {}, true]) {
      expect(() => new Engine({ [name]: odd })).toThrow(refused);
      expect(() => new Server(createServer(), { [name]: odd })).toThrow(refused);
    }
  });

  test.each(["maxNamespaces", "maxRooms", "maxPendingAcks"] as const)("%s is one at least, or refused", (name) => {
    for (const absent of ABSENT) expect(resolveLimits({ [name]: absent })[name]).toBe(resolveLimits({})[name]);
    expect(resolveLimits({ [name]: "7" as never })[name]).toBe(7);
    for (const odd of [0, -1, Number.NaN, "", "x", {}]) expect(() => new Server({ [name]: odd })).toThrow(refused);
  });

  test.each(["maxAuthSize", "maxDynamicNamespaces"] as const)("%s may be zero", (name) => {
    expect(resolveLimits({ [name]: 0 })[name]).toBe(0);
    for (const odd of [-1, Number.NaN, "x"]) expect(() => new Server({ [name]: odd as never })).toThrow(refused);
  });

  test("maxEventsPerSecond allows at least one event", () => {
    for (const absent of [...ABSENT, Infinity])
      expect(resolveLimits({ maxEventsPerSecond: absent })).toMatchObject({ maxEventsPerSecond: undefined });
    for (const given of [0.5, { rate: 0.5 }, { rate: 0.5, burst: 0 }]) {
      const { rate = 0, burst = 0 } = resolveLimits({ maxEventsPerSecond: given }).maxEventsPerSecond ?? {};
      const clock = new FakeClock();
      const bucket = new TokenBucket(clock, rate, burst);
      expect([bucket.take(), bucket.take()]).toEqual([true, false]);
      clock.advance(2000);
      expect(bucket.take()).toBe(true);
    }
    for (const odd of [0, -1, Number.NaN, "x", { rate: 0 }, { rate: 5, burst: -1 }])
      expect(() => new Server({ maxEventsPerSecond: odd as never })).toThrow(refused);
  });

  test("of slow readers are numbers, and the policy is one of its words", () => {
    for (const absent of ABSENT) expect(resolveSlowReader(absent)).toEqual(resolveSlowReader({}));
    for (const absent of ABSENT)
      expect(resolveSlowReader({ soft: absent, policy: absent })).toEqual(resolveSlowReader());
    expect(resolveSlowReader({ soft: "10" as never, hard: Infinity })).toMatchObject({ soft: 10, hard: Infinity });
    for (const odd of [{ soft: Number.NaN }, { hard: -1 }, { burst: "x" }, { process: {} }, { policy: "drop-oldst" }])
      expect(() => new Engine({ slowReader: odd as never })).toThrow(refused);
  });
});

describe("options of the engine", () => {
  test.each(["pingInterval", "pingTimeout", "upgradeTimeout", "postTimeout"] as const)("%s is a time", (name) => {
    for (const odd of [...ABSENT, Number.NaN, "", "soon", {}])
      expect(resolveEngineOptions({ [name]: odd })[name]).toBe(resolveEngineOptions({})[name]);
    expect(resolveEngineOptions({ [name]: "1500" as never })[name]).toBe(1500);
    expect(resolveEngineOptions({ [name]: -5 })[name]).toBe(0);
    expect(resolveEngineOptions({ [name]: Infinity })[name]).toBe(Infinity);
  });

  test("clients are given times that one timer of theirs can wait for", () => {
    const MONTH = 30 * 24 * 3600 * 1000;
    for (const pingInterval of [25_000, MONTH, Infinity]) {
      for (const pingTimeout of [20_000, MONTH, Infinity]) {
        const { opts, pingInterval: sent } = new Engine({ pingInterval, pingTimeout });
        const times = timesForClient(opts);
        expect(times.pingInterval + times.pingTimeout).toBeLessThan(2 ** 31);
        expect(Object.values(times).every(Number.isInteger)).toBe(true);
        expect(sent).toBe(times.pingInterval);
        expect(opts).toMatchObject({ pingInterval, pingTimeout });
      }
    }
    expect(timesForClient({ pingInterval: 25_000, pingTimeout: 20_000 })).toEqual({
      pingInterval: 25_000,
      pingTimeout: 20_000,
    });
  });

  test("values that would fail with the first request are refused at once", () => {
    for (const odd of [null, 0, false, {}]) expect(() => new Engine({ transports: odd as never })).toThrow(refused);
    for (const odd of [true, 1, "yes", {}]) expect(() => new Engine({ allowRequest: odd as never })).toThrow(refused);
    for (const odd of [null, false, 0, ""])
      expect(new Engine({ allowRequest: odd as never }).opts.allowRequest).toBe(undefined);
    for (const odd of [{ maxAge: Number.NaN }, { maxAge: "x" }, { name: "a b" }, { path: "a;b" }, { sameSite: "x" }])
      expect(() => new Engine({ cookie: odd as never })).toThrow(refused);
  });

  test("a list of transports may be text", () => {
    expect(resolveEngineOptions({ transports: "websocket" as never }).transports).toEqual(["websocket"]);
    expect(resolveEngineOptions({ transports: "polling, websocket" as never }).transports).toEqual([
      "polling",
      "websocket",
    ]);
  });

  test("compression is off for falsy values", () => {
    for (const odd of [null, 0, "", Number.NaN]) {
      const { perMessageDeflate } = resolveEngineOptions({ perMessageDeflate: odd as never });
      expect(perMessageDeflate).toBe(false);
    }
    expect(resolveEngineOptions({ perMessageDeflate: 1 as never }).perMessageDeflate).toBe(true);
  });

  test("only false switches off the check of origins", () => {
    for (const odd of [null, undefined, 0, ""])
      expect(resolveEngineOptions({ checkOrigin: odd as never }).checkOrigin).not.toBe(false);
  });
});

test("an empty path of attach() is the default, not every request", () => {
  for (const path of ["", null, false, 0]) {
    const http = createServer();
    const seen: unknown[] = [];
    http.on("request", (req) => seen.push(req.url));
    new Engine().attach(http, { path: path as never });
    http.emit("request", { url: "/other", headers: {}, on() {} }, {});
    expect(seen).toEqual(["/other"]);
  }
  expect(() => new Engine().attach(createServer(), { path: 5 as never })).toThrow(refused);
});
