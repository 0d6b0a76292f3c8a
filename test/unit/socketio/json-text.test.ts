import { describe, expect, test } from "vitest";
import { stringifyData } from "../../../packages/server/src/socketio/packets/json-text.ts";

const long = "long text, no escapes; ".repeat(200);

describe("the text equals JSON.stringify's", () => {
  test.each<[string, unknown]>([
    ["a long plain string", ["event", long]],
    ["several", [long, long, "short", long]],
    ["characters beyond ASCII", ["event", `${long}é€😀`]],
    ["what JSON has no word for", ["event", long, undefined, () => 1, Symbol("s"), NaN, -0, null, true]],
    ["an object beside it", ["event", long, { toJSON: (key: string) => `at ${key}` }]],
    ["a lone surrogate", ["event", `${long}\ud800`]],
    ["the same, the other half", ["event", `${long}\udc00${long}`]],
    ["short strings only", ["event", "a", 1]],
    ["no arguments", []],
    ["an object", { sid: long }],
    ["nothing", null],
  ])("%s", (_name, data) => {
    expect(stringifyData(data)).toBe(JSON.stringify(data));
  });

  test.each(Array.from({ length: 0x81 }, (_, code) => code))("character %d anywhere", (code) => {
    const char = String.fromCharCode(code);
    for (const text of [char + long, long + char, long + char + long])
      expect(stringifyData(["event", text])).toBe(JSON.stringify(["event", text]));
  });

  test("with a replacer", () => {
    const replacer = (_key: string, value: unknown): unknown => (value === long ? "replaced" : value);
    expect(stringifyData(["event", long], replacer)).toBe('["event","replaced"]');
  });

  test("an unsupported value throws the same error", () => {
    expect(() => stringifyData([long, 1n])).toThrow(TypeError);
  });
});
