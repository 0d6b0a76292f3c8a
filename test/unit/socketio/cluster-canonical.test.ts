import { createRequire } from "node:module";
import { deserialize, serialize } from "node:v8";
import { describe, expect, test } from "vitest";
import { canonical } from "../../../packages/server/src/socketio/adapter/cluster/canonical.ts";
import { Random } from "../../support/random.ts";

interface Codec {
  encode(value: unknown): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}

const beside = (name: string): NodeJS.Require => createRequire(createRequire(import.meta.url).resolve(name));
const notepack = beside("@socket.io/redis-adapter")("notepack.io") as Codec;
const msgpack = beside("@socket.io/redis-streams-adapter")("@msgpack/msgpack") as Codec;

/** Encodings of adapters' buses. JSON is tested without bytes, as adapters use another encoding for bytes. */
const CARRIERS: Record<string, (value: unknown) => unknown> = {
  JSON: (value) => JSON.parse(JSON.stringify(value)) as unknown,
  notepack: (value) => notepack.decode(Buffer.from(notepack.encode(value))),
  msgpack: (value) => msgpack.decode(Buffer.from(msgpack.encode(value))),
  "structured clone": (value) => deserialize(serialize(value)) as unknown,
};

const textOf = (value: unknown): string =>
  Buffer.concat(canonical(value).chunks.map((it) => Buffer.from(it))).toString();

describe("a value has one text", () => {
  test.each<[unknown, string]>([
    [null, "z"],
    [undefined, "z"],
    [true, "t"],
    [false, "f"],
    [0, "n0;"],
    [-0, "n0;"],
    [1.5, "n1.5;"],
    [1e21, "n1e+21;"],
    [Number.NaN, "z"],
    [Number.NEGATIVE_INFINITY, "z"],
    ["", "s0:"],
    ["é:1", "s3:é:1"],
    [[], "a0:"],
    [[1, [undefined, () => 1, Symbol("x")]], "a2:n1;a3:zzz"],
    [{}, "o0:"],
    [{ b: 1, a: "x" }, "o2:1:as1:x1:bn1;"],
    [{ a: undefined, b: () => 1, c: Symbol("x"), d: { toJSON: () => undefined } }, "o0:"],
    [{ a: null }, "o1:1:az"],
    [new Date(0), "s24:1970-01-01T00:00:00.000Z"],
    [[new Date(Number.NaN)], "a1:z"],
    [{ toJSON: () => ({ b: 1 }) }, "o1:1:bn1;"],
    [new Map([["a", 1]]), "o0:"],
    [Buffer.from("abc"), "b3:abc"],
    [new Uint8Array([97, 98, 99]).subarray(1), "b2:bc"],
    [new Uint8Array([97]).buffer, "b1:a"],
    [{ x: [Buffer.from("a"), Buffer.alloc(0)], y: 1 }, "o2:1:xa2:b1:ab0:1:yn1;"],
  ])("%j", (value, text) => expect(textOf(value)).toBe(text));

  test("and no other value has the same", () => {
    const values: unknown[] = [
      ["a", "b"],
      ["as1:b"],
      [["a", "b"]],
      [["a"], "b"],
      { a: "b" },
      { "a:s1": "b" },
      [{}, {}],
      [{ 0: {} }],
      "abc",
      Buffer.from("abc"),
      { type: "Buffer", data: [97, 98, 99] },
      [97, 98, 99],
      "1",
      1,
      null,
      "null",
      "z",
      false,
      {},
      [],
      [null],
    ];
    expect(new Set(values.map(textOf)).size).toBe(values.length);
  });

  test("which ignores the order of keys, and equates lone surrogates with replacement characters", () => {
    expect(textOf({ a: 1, b: { c: 2, d: 3 } })).toBe(textOf({ b: { d: 3, c: 2 }, a: 1 }));
    expect(textOf("\ud800")).toBe(textOf("\ufffd"));
  });

  test("except for a BigInt and circular values", () => {
    expect(() => canonical({ a: [1n] })).toThrow(TypeError);
    const endless: unknown[] = [];
    endless.push(endless);
    expect(() => canonical(endless)).toThrow(RangeError);
  });
});

describe("the plain value", () => {
  test("is plain, in the program's order, and equals the text", () => {
    const { plain } = canonical({ b: new Date(0), a: [undefined, new Set([1]), Number.NaN, -1], c: undefined });
    expect(plain).toStrictEqual({ b: "1970-01-01T00:00:00.000Z", a: [null, {}, null, -1] });
    expect(Object.keys(plain as object)).toEqual(["b", "a"]);
  });

  test("has keys that mean something elsewhere as keys", () => {
    const { plain } = canonical(JSON.parse('{"__proto__":{"admin":true},"constructor":1}'));
    expect(Object.keys(plain as object)).toEqual(["__proto__", "constructor"]);
    expect((plain as { admin?: unknown }).admin).toBeUndefined();
  });

  test("has bytes as Buffers, not copied", () => {
    const bytes = new Uint8Array([1, 2, 3]);
    const { plain } = canonical([bytes]);
    expect(plain).toEqual([Buffer.from([1, 2, 3])]);
    expect((plain as [Buffer])[0].buffer).toBe(bytes.buffer);
  });
});

/** Any value that a program may send, seldom deep. */
function anything(random: Random, options: { bytes: boolean }, depth = 0): unknown {
  const leaves = [
    () => random.pick([null, undefined, true, false, Number.NaN, Infinity, -0, "", "é", "\u{1f600}", "__data"]),
    () => random.below(2 ** 32) * random.pick([1, -1, 0.1, 2 ** 20]),
    () => String.fromCharCode(...Array.from({ length: random.below(40) }, () => 32 + random.below(400))),
    () => new Date(random.below(2 ** 31) * 1000),
    () => (options.bytes ? random.pick([Buffer, Uint8Array]).from(random.bytes(random.below(300))) : random.next()),
  ];
  const many = (): number[] => Array.from({ length: random.below(5) }, (_, index) => index);
  const branches = [
    () => many().map(() => anything(random, options, depth + 1)),
    () =>
      Object.fromEntries(
        many().map((n) => [`${random.pick(["k", "9", "ü"])}${n}`, anything(random, options, depth + 1)]),
      ),
  ];
  return random.pick(depth < 4 ? [...leaves, ...branches, ...branches] : leaves)();
}

describe.each(Object.keys(CARRIERS))("through %s", (name) => {
  test("any value that was made plain keeps its text, and comes out as it was", () => {
    const carry = CARRIERS[name] as (value: unknown) => unknown;
    for (let seed = 0; seed < 500; seed += 1) {
      const value = { value: anything(new Random(seed), { bytes: name !== "JSON" }) };
      const { plain } = canonical(value);
      const arrived = carry(plain);
      expect(textOf(arrived), `seed ${seed}`).toBe(textOf(value));
      expect(canonical(arrived).plain, `seed ${seed}`).toEqual(plain);
    }
  });
});
