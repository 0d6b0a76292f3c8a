import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decodePacketV4,
  decodePayloadV4,
  DEFAULT_PACKET_OPTIONS,
  encodePacketV4,
  encodePayloadV4,
  EnginePacket,
  type EnginePacketType,
  type RawData,
} from "@portage/parser/engine";
import { decodePacketV3 } from "@portage/parser/engine-v3";
import { anyText, expectSame, refusal, runs } from "./reference.ts";

const packet = (type: EnginePacketType, data?: RawData): EnginePacket => new EnginePacket(type, data);
const bytes = (...values: number[]): Buffer => Buffer.from(values);

const TEXT_PACKETS: Array<[string, EnginePacketType, string | undefined]> = [
  ['0{"sid":"a"}', "open", '{"sid":"a"}'],
  ["0", "open", undefined],
  ["1", "close", undefined],
  ["2", "ping", undefined],
  ["2probe", "ping", "probe"],
  ["3", "pong", undefined],
  ["3probe", "pong", "probe"],
  ["4", "message", undefined],
  ["4hello", "message", "hello"],
  ["4€ 😀 \ud800", "message", "€ 😀 \ud800"],
  ["4b", "message", "b"],
  ["44", "message", "4"],
  ["5", "upgrade", undefined],
  ["6", "noop", undefined],
];

describe("packets of revision 4", () => {
  test.each(TEXT_PACKETS)("%j is a %s packet with %j", (encoded, type, data) => {
    expect(decodePacketV4(encoded)).toStrictEqual(packet(type, data));
    expect(encodePacketV4(packet(type, data), true)).toBe(encoded);
    expect(encodePacketV4(packet(type, data), false)).toBe(encoded);
  });

  test("bytes are sent without a type where binary is supported, and are not copied", () => {
    const data = bytes(1, 2, 3);
    expect(encodePacketV4(packet("message", data), true)).toBe(data);
    expect(decodePacketV4(data).data).toBe(data);
    expect(decodePacketV4(data).type).toBe("message");
  });

  test.each([
    [bytes(), "b"],
    [bytes(0), "bAA=="],
    [bytes(0xff, 0xfe), "b//4="],
    [bytes(1, 2, 3), "bAQID"],
    [bytes(0xfb, 0xef, 0xbe, 0x01), "b++++AQ=="],
  ])("bytes become base64 where binary is not supported: %o is %s", (data, encoded) => {
    expect(encodePacketV4(packet("message", data), false)).toBe(encoded);
    expect(decodePacketV4(encoded)).toStrictEqual(packet("message", data));
  });

  test.each(["bAQID\nBAUG", "bAQID\r\nBAUG\r\n", "bAQIDBAUG\n"])("wrapped lines are joined: %j", (encoded) => {
    expect(decodePacketV4(encoded)).toStrictEqual(packet("message", bytes(1, 2, 3, 4, 5, 6)));
  });

  test("array buffers and views are sent as the bytes they show", () => {
    const memory = bytes(1, 2, 3, 4, 5, 6).buffer.slice(0, 0);
    const source = new Uint8Array([1, 2, 3, 4, 5, 6]);
    const shapes: unknown[] = [source.buffer.slice(2, 4), source.subarray(2, 4), new DataView(source.buffer, 2, 2)];
    shapes.push(new Uint16Array(source.buffer, 2, 1));
    for (const shape of shapes) {
      expect(encodePacketV4(packet("message", shape as Buffer), true)).toStrictEqual(bytes(3, 4));
      expect(encodePacketV4(packet("message", shape as Buffer), false)).toBe("bAwQ=");
    }
    expect(encodePacketV4(packet("message", memory as unknown as Buffer), true)).toStrictEqual(bytes());
  });

  test.each([
    [0, "4"],
    [12, "412"],
    [true, "4true"],
    [null, "4"],
  ])("an untyped program may send %j", (data, encoded) => {
    expect(encodePacketV4(packet("message", data as unknown as string), true)).toBe(encoded);
  });

  test.each([
    ["", "ENGINE_EMPTY_PACKET"],
    ["7", "ENGINE_UNKNOWN_PACKET_TYPE"],
    ["9hello", "ENGINE_UNKNOWN_PACKET_TYPE"],
    ["/", "ENGINE_UNKNOWN_PACKET_TYPE"],
    [":", "ENGINE_UNKNOWN_PACKET_TYPE"],
    ["a", "ENGINE_UNKNOWN_PACKET_TYPE"],
    [" 4", "ENGINE_UNKNOWN_PACKET_TYPE"],
    ["-1", "ENGINE_UNKNOWN_PACKET_TYPE"],
    ["__proto__", "ENGINE_UNKNOWN_PACKET_TYPE"],
    ["constructor", "ENGINE_UNKNOWN_PACKET_TYPE"],
    ["\u0000", "ENGINE_UNKNOWN_PACKET_TYPE"],
    ["\ud83d", "ENGINE_UNKNOWN_PACKET_TYPE"],
    ["bA", "ENGINE_INVALID_BASE64"],
    ["b=", "ENGINE_INVALID_BASE64"],
    ["bAAAA=", "ENGINE_INVALID_BASE64"],
    ["bAAA==", "ENGINE_INVALID_BASE64"],
    ["bAA=A", "ENGINE_INVALID_BASE64"],
    ["bAAAAA", "ENGINE_INVALID_BASE64"],
    ["b====", "ENGINE_INVALID_BASE64"],
    ["bA===", "ENGINE_INVALID_BASE64"],
    ["bAA==AAAA", "ENGINE_INVALID_BASE64"],
    ["bAA A", "ENGINE_INVALID_BASE64"],
    ["bAAA\u0141", "ENGINE_INVALID_BASE64"],
    ["b!!!!", "ENGINE_INVALID_BASE64"],
  ])("%j is refused: %s", (encoded, code) => {
    expect(refusal(() => decodePacketV4(encoded))).toBe(code);
  });

  test.each(["+/8=", "+/8", "-_8=", "-_8", "+_8", "-_\n8=\r\n", "AA", "AA=", "AA==", "AAA", "AAA=", "AAAA", ""])(
    "base64 with or without padding, of either alphabet: %j is the bytes that the reference reads",
    (base64) => {
      const expected = Buffer.from(base64, "base64");
      expect(decodePacketV4(`b${base64}`).data).toEqual(expected);
      expect(decodePacketV3(`b4${base64}`).data).toEqual(expected);
    },
  );

  test("every first character up to U+017F is a type or refused", () => {
    const accepted: string[] = [];
    for (let code = 0; code < 0x180; code++) {
      try {
        decodePacketV4(String.fromCharCode(code));
        accepted.push(String.fromCharCode(code));
      } catch {
        // Refused.
      }
    }
    expect(accepted.join("")).toBe("0123456b");
  });

  test("packets keep the options they are given, and share the default", () => {
    expect(new EnginePacket("message", "x", { compress: false }).options.compress).toBe(false);
    expect(decodePacketV4("4x").options).toBe(DEFAULT_PACKET_OPTIONS);
    expect(new EnginePacket("ping", undefined).options).toBe(DEFAULT_PACKET_OPTIONS);
  });
});

describe("payloads of revision 4", () => {
  const packets = [packet("open", "{}"), packet("message", "a"), packet("message", bytes(1, 2, 3)), packet("ping")];

  test("records are joined by U+001E", () => {
    expect(encodePayloadV4(packets)).toBe("0{}\x1e4a\x1ebAQID\x1e2");
    expect(decodePayloadV4("0{}\x1e4a\x1ebAQID\x1e2")).toStrictEqual(packets);
    expect(encodePayloadV4([])).toBe("");
  });

  test("one packet is a payload without a separator", () => {
    expect(decodePayloadV4("4a")).toStrictEqual([packet("message", "a")]);
  });

  test.each(["", "\x1e", "4a\x1e", "\x1e4a", "4a\x1e\x1e4b"])("%j contains an empty packet", (payload) => {
    expect(refusal(() => decodePayloadV4(payload))).toBe("ENGINE_EMPTY_PACKET");
  });

  test("a limit refuses the first packet beyond it", () => {
    expect(decodePayloadV4("4a\x1e4b", 2)).toHaveLength(2);
    expect(refusal(() => decodePayloadV4("4a\x1e4b\x1e4c", 2))).toBe("ENGINE_TOO_MANY_PACKETS");
    // Packets beyond the limit are not read.
    expect(refusal(() => decodePayloadV4("4a\x1e4b\x1ezzz", 2))).toBe("ENGINE_TOO_MANY_PACKETS");
  });

  test("cut anywhere, a payload is decoded or refused", () => {
    const payload = encodePayloadV4(packets);
    for (let end = 0; end < payload.length; end++) {
      try {
        expect(decodePayloadV4(payload.slice(0, end)).length).toBeGreaterThan(0);
      } catch (error) {
        expect((error as { code: string }).code).toMatch(/^ENGINE_/);
      }
    }
  });

  test("encoded packets are decoded to the same packets", () => {
    const text = anyText().map((value) => value.replaceAll("\x1e", ""));
    const data = fc.oneof(
      text.filter((value) => value !== ""),
      fc.constant(undefined),
      fc.uint8Array({ maxLength: 40 }).map((value) => Buffer.from(value)),
    );
    fc.assert(
      fc.property(fc.array(data, { minLength: 1, maxLength: 8 }), (list) => {
        const sent = list.map((item) => packet("message", item));
        expectSame(decodePayloadV4(encodePayloadV4(sent)), sent);
      }),
      runs(100),
    );
  });
});
