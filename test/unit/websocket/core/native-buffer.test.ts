import { describe, expect, it } from "vitest";
import { writeText } from "../../../../packages/websocket/src/core/frames/native-buffer.ts";

describe("writeText", () => {
  it.each([
    "",
    "a",
    "sixteen letters!",
    "seventeen letters",
    "é",
    "ÿ".repeat(20),
    "日本語",
    "\ud800",
    "x\udc00y".repeat(10),
  ])("writes %j as Node does, and nothing around it", (text) => {
    const expected = Buffer.from(text);
    const target = Buffer.alloc(expected.length + 4, "-");
    writeText(target, text, Buffer.byteLength(text), 2);
    expect(target.toString("hex")).toBe(
      Buffer.concat([Buffer.from("--"), expected, Buffer.from("--")]).toString("hex"),
    );
  });
});
