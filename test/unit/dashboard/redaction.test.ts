import { describe, expect, it } from "vitest";
import { PacketTexts } from "../../../packages/server/src/dashboard/packet-text.ts";
import { Redaction } from "../../../packages/server/src/dashboard/redaction.ts";
import { SECRET_SHAPES } from "./secret-shapes.ts";

const SID = "lv_VI97HAXpY6yYWAAAB";

const redactionAt = (level: "none" | "shape" | "values", redact?: (value: unknown, key: string) => unknown) =>
  new Redaction({ level, redact, isSessionId: (text) => text === SID });

function shown(data: string | Buffer, redaction: Redaction): string {
  return shownOf([["in", data]], redaction).at(-1)!;
}

function shownOf(packets: ReadonlyArray<readonly ["in" | "out", string | Buffer]>, redaction: Redaction): string[] {
  const texts = new PacketTexts(redaction, true);
  return packets.map(([direction, data]) => {
    const { head, body } = texts.describe(direction, { type: "message", data });
    return `${head} | ${body}`;
  });
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
    const bytes = Buffer.alloc(100, 1);
    const head = '51-["upload",{"_placeholder":true,"num":0}]';
    const shownAt = (level: "shape" | "values") =>
      shownOf(
        [
          ["in", head],
          ["in", bytes],
        ],
        redactionAt(level),
      );
    expect(shownAt("values")).toEqual(["BINARY_EVENT / upload | binary", `BINARY | binary(100) ${"01".repeat(64)}`]);
    expect(shownAt("shape")).toEqual(["BINARY_EVENT / upload | binary", "BINARY | binary(100)"]);
  });

  it("shows no bytes under a key of a secret, nor after packets that were left out", () => {
    const fields = '{"password":{"_placeholder":true,"num":0},"picture":{"_placeholder":true,"num":1}}';
    const secret = Buffer.from("Tr0ub4dor");
    const picture = Buffer.from("pixel");
    const packets = [
      ["in", `52-["save",${fields}]`],
      ["in", secret],
      ["out", picture],
      ["in", picture],
    ] as const;
    expect(shownOf(packets, redactionAt("values"))).toEqual([
      "BINARY_EVENT / save | { password: (hidden), picture: binary }",
      "BINARY | binary(9) (hidden)",
      "BINARY | binary(5) (hidden)",
      `BINARY | binary(5) ${picture.toString("hex")}`,
    ]);
    const texts = new PacketTexts(redactionAt("values"), true);
    texts.describe("in", { type: "message", data: packets[0][1] });
    texts.skip("in");
    expect(texts.describe("in", { type: "message", data: secret }).body).toBe("binary(9) (hidden)");
    expect(shown(secret, redactionAt("values"))).toBe("BINARY | binary(9) (hidden)");
  });

  it("shows the program bytes and their key", () => {
    const redaction = redactionAt("values", (value, key) => (key === "face" && Buffer.isBuffer(value) ? "***" : value));
    const head = '51-["save",{"face":{"_placeholder":true,"num":0}}]';
    expect(
      shownOf(
        [
          ["in", head],
          ["in", Buffer.from("pixel")],
        ],
        redaction,
      )[1],
    ).toBe('BINARY | "***"');
  });

  it("shows acknowledgements of events that it has seen, unless they are named after a secret", () => {
    const packets = [
      ["in", '2/a,1["ask"]'],
      ["in", '2/a,2["getToken"]'],
      ["out", '3/a,2["Tr0ub4dor"]'],
      ["out", '3/a,1["word"]'],
      ["out", '3/a,1["word"]'],
      ["in", '3/a,2["Tr0ub4dor"]'],
      ["out", '3/a,3["Tr0ub4dor"]'],
    ] as const;
    expect(shownOf(packets.slice(2), redactionAt("shape"))[0]).toBe("ACK /a 2 | [string(9)]");
    expect(shownOf(packets, redactionAt("values"))).toEqual([
      "EVENT /a 1 ask | ",
      "EVENT /a 2 getToken | ",
      "ACK /a 2 | (hidden)",
      'ACK /a 1 | ["word"]',
      "ACK /a 1 | (hidden)",
      "ACK /a 2 | (hidden)",
      "ACK /a 3 | (hidden)",
    ]);
  });

  it("cuts a body at 1 KB", () => {
    const values = JSON.stringify(["say", ...Array.from({ length: 30 }, () => "word ".repeat(20))]);
    const texts = new PacketTexts(redactionAt("values"), true);
    const { body, bytes } = texts.describe("in", { type: "message", data: `2${values}` });
    expect(body.length).toBe(1001);
    expect(bytes).toBe(values.length + 1);
  });

  it("shows no payload of another parser", () => {
    const texts = new PacketTexts(redactionAt("values"), false);
    const { head, body } = texts.describe("in", { type: "message", data: '2["say","hello"]' });
    expect([head, body]).toEqual(["MESSAGE", "text(16)"]);
  });
});
