import { gunzipSync, inflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import {
  chooseEncoding,
  compressBody,
  compressionThreshold,
} from "../../../packages/server/src/engine/http/compression.ts";
import { resolveEngineOptions } from "../../../packages/server/src/engine/options.ts";
import { randomId } from "../../../packages/server/src/engine/random-id.ts";

describe("options", () => {
  test("are laid over the defaults; undefined counts as not given", () => {
    const options = resolveEngineOptions({ pingTimeout: 5, pingInterval: undefined });
    expect(options.pingTimeout).toBe(5);
    expect(options.pingInterval).toBe(25_000);
  });

  test("make a cookie that scripts can't read, unless httpOnly is exactly false", () => {
    expect(resolveEngineOptions({ cookie: true }).cookie).toEqual({
      name: "io",
      path: "/",
      httpOnly: true,
      sameSite: "lax",
    });
    for (const httpOnly of [undefined, null, 0, ""]) {
      expect(resolveEngineOptions({ cookie: { httpOnly } as never }).cookie).toMatchObject({ httpOnly: true });
    }
    expect(resolveEngineOptions({ cookie: { httpOnly: false } }).cookie).toMatchObject({ httpOnly: false });
  });

  test("make a cookie without a path for `path: false`", () => {
    expect(resolveEngineOptions({ cookie: { path: false } as never }).cookie).not.toHaveProperty("path");
  });

  test("switch HTTP compression on with a threshold, or off", () => {
    const table = [
      [true, 1024],
      [{}, 1024],
      [{ threshold: 5 }, 5],
      [{ threshold: "7" }, 7],
      [{ threshold: -1 }, 0],
      [false, Infinity],
      [null, Infinity],
    ];
    for (const [option, threshold] of table) expect(compressionThreshold(option as never)).toBe(threshold);
  });

  test("have lists and records of their own", () => {
    const [one, other] = [resolveEngineOptions({}), resolveEngineOptions({})];
    (one.transports as string[]).pop();
    Object.assign(one.httpCompression, { threshold: 1 });
    expect([other.transports, other.httpCompression]).toEqual([["polling", "websocket"], { threshold: 1024 }]);
  });
});

test("a body goes as it is where zlib does not take the options", () => {
  for (const body of ["small", "x".repeat(20_000)]) {
    const given: unknown[] = [];
    compressBody(body, "gzip", { level: 99 }, (...answer) => given.push(answer));
    expect(given).toEqual([[undefined, body]]);
  }
});

describe("content negotiation", () => {
  const table: Array<[accept: string | undefined, encoding: string | undefined]> = [
    [undefined, undefined],
    ["", undefined],
    ["br", undefined],
    ["gzip", "gzip"],
    ["GZIP", "gzip"],
    ["deflate", "deflate"],
    ["deflate, gzip", "deflate"],
    ["*, deflate", "deflate"],
    ["gzip;q=x, deflate;q=0.1", "deflate"],
    ["gzip;q=0.2, deflate;q=0.8", "deflate"],
    ["gzip;q=0", undefined],
    ["*", "gzip"],
    ["identity;q=1, *;q=0", undefined],
  ];
  for (const [accept, encoding] of table) {
    test(`${String(accept)} → ${String(encoding)}`, () =>
      expect(chooseEncoding(accept, ["gzip", "deflate"])).toBe(encoding));
  }

  test("compresses small bodies at once and large ones off the loop, to the same end", async () => {
    for (const size of [2_000, 100_000]) {
      const body = "x".repeat(size);
      const gzip = await new Promise((resolve) =>
        compressBody(body, "gzip", { threshold: 0 }, (_, made) => resolve(made)),
      );
      const deflate = await new Promise((resolve) =>
        compressBody(body, "deflate", { threshold: 0 }, (_, made) => resolve(made)),
      );
      expect(gunzipSync(gzip as Buffer).toString()).toBe(body);
      expect(inflateSync(deflate as Buffer).toString()).toBe(body);
    }
  });
});

describe("session ids", () => {
  test("are 20 characters that fit a URL, and never twice the same", () => {
    const ids = new Set(Array.from({ length: 5_000 }, randomId));
    expect(ids.size).toBe(5_000);
    for (const id of ids) expect(id).toMatch(/^[\w-]{20}$/);
  });
});
