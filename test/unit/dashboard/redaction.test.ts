import { describe, expect, it } from "vitest";
import { describePacket } from "../../../packages/server/src/dashboard/packet-text.ts";
import { Redaction } from "../../../packages/server/src/dashboard/redaction.ts";
import { SECRET_SHAPES } from "./secret-shapes.ts";

const SID = "lv_VI97HAXpY6yYWAAAB";

const redactionAt = (level: "none" | "shape" | "values", redact?: (value: unknown, key: string) => unknown) =>
  new Redaction({ level, redact, isSessionId: (text) => text === SID });

function shown(data: string | Buffer, redaction: Redaction): string {
  const { head, body } = describePacket({ type: "message", data }, redaction, true);
  return `${head} | ${body}`;
}

describe("payloads of taps", () => {
  it("has 60 shapes of secrets or more", () => expect(Object.keys(SECRET_SHAPES).length).toBeGreaterThanOrEqual(60));

  for (const level of ["none", "shape", "values"] as const) {
    it(`shows none of the secrets at the level ${level}`, () => {
      const redaction = redactionAt(level);
      const leaks = Object.entries(SECRET_SHAPES).flatMap(([name, { data, secrets }]) => {
        const text = shown(data, redaction);
        const hex = secrets.map((secret) => Buffer.from(secret).toString("hex"));
        return [...secrets, ...hex].some((secret) => text.includes(secret)) ? [`${name}: ${text}`] : [];
      });
      expect(leaks).toEqual([]);
    });
  }

  const packet = '2/chat,12["say",{"text":"hello","at":3,"isNew":true,"to":["ann",null]},"more"]';

  it("shows names alone", () => expect(shown(packet, redactionAt("none"))).toBe("EVENT /chat 12 say | "));

  it("shows types and sizes", () =>
    expect(shown(packet, redactionAt("shape"))).toBe(
      "EVENT /chat 12 say | { text: string(5), at: number, isNew: boolean, to: [string(3), null] }, string(4)",
    ));

  it("shows values", () =>
    expect(shown(packet, redactionAt("values"))).toBe(
      'EVENT /chat 12 say | { text: "hello", at: 3, isNew: true, to: ["ann", null] }, "more"',
    ));

  it("shows what the program makes of values", () => {
    const redaction = redactionAt("values", (value, key) => (key === "text" ? "***" : value));
    expect(shown('2["say",{"text":"hello","author":"ann"}]', redaction)).toBe(
      'EVENT / say | { text: "***", author: "ann" }',
    );
    const failing = redactionAt("values", () => {
      throw new Error("of the program");
    });
    expect(shown('2["say","hello"]', failing)).toBe("EVENT / say | (hidden)");
  });

  it("shows the first bytes", () => {
    expect(shown(Buffer.alloc(100, 1), redactionAt("values"))).toBe(`BINARY | binary(100) ${"01".repeat(64)}`);
    expect(shown(Buffer.alloc(100, 1), redactionAt("shape"))).toBe("BINARY | binary(100)");
  });

  it("cuts a body at 1 KB", () => {
    const values = JSON.stringify(["say", ...Array.from({ length: 30 }, () => "word ".repeat(20))]);
    const { body, bytes } = describePacket({ type: "message", data: `2${values}` }, redactionAt("values"), true);
    expect(body.length).toBe(1001);
    expect(bytes).toBe(values.length + 1);
  });

  it("shows no payload of another parser", () => {
    const { head, body } = describePacket({ type: "message", data: '2["say","hello"]' }, redactionAt("values"), false);
    expect([head, body]).toEqual(["MESSAGE", "text(16)"]);
  });
});
