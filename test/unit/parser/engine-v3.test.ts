import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decodePacketV3,
  decodePayloadV3,
  encodePacketV3,
  encodePayloadV3,
  EnginePacket,
  type EnginePacketType,
  type RawData,
} from "@portage/parser/engine-v3";
import { anyText, expectSame, received, referenceV3, refusal, runs } from "./reference.ts";

const packet = (type: EnginePacketType, data?: RawData): EnginePacket => new EnginePacket(type, data);
const bytes = (...values: number[]): Buffer => Buffer.from(values);
const hex = (data: RawData): string => (data as Buffer).toString("hex");

describe("packets of revision 3", () => {
  test.each<[string, EnginePacketType, string | undefined]>([
    ["0{}", "open", "{}"],
    ["1", "close", undefined],
    ["2", "ping", undefined],
    ["2probe", "ping", "probe"],
    ["3probe", "pong", "probe"],
    ["4hello", "message", "hello"],
    ["4", "message", undefined],
    ["5", "upgrade", undefined],
    ["6", "noop", undefined],
  ])("%j is a %s packet with %j", (encoded, type, data) => {
    expect(decodePacketV3(encoded)).toStrictEqual(packet(type, data));
    expect(encodePacketV3(packet(type, data), true)).toBe(encoded);
  });

  test.each<[RawData, Buffer, string]>([
    [bytes(), bytes(4), "b4"],
    [bytes(0), bytes(4, 0), "b4AA=="],
    [bytes(1, 2, 3), bytes(4, 1, 2, 3), "b4AQID"],
  ])("bytes carry the type: %o is %o, or %s", (data, binary, text) => {
    expect(encodePacketV3(packet("message", data), true)).toStrictEqual(binary);
    expect(encodePacketV3(packet("message", data), false)).toBe(text);
    expect(decodePacketV3(binary)).toStrictEqual(packet("message", data));
    expect(decodePacketV3(text)).toStrictEqual(packet("message", data));
  });

  test.each<[RawData, string]>([
    ["", "ENGINE_EMPTY_PACKET"],
    [bytes(), "ENGINE_EMPTY_PACKET"],
    ["7", "ENGINE_UNKNOWN_PACKET_TYPE"],
    ["x", "ENGINE_UNKNOWN_PACKET_TYPE"],
    ["b", "ENGINE_UNKNOWN_PACKET_TYPE"],
    ["b7AAAA", "ENGINE_UNKNOWN_PACKET_TYPE"],
    ["bbAAAA", "ENGINE_UNKNOWN_PACKET_TYPE"],
    [bytes(7), "ENGINE_UNKNOWN_PACKET_TYPE"],
    [bytes(0x34, 0x61), "ENGINE_UNKNOWN_PACKET_TYPE"],
    [bytes(255), "ENGINE_UNKNOWN_PACKET_TYPE"],
    ["b4A", "ENGINE_INVALID_BASE64"],
    ["b4 AAA", "ENGINE_INVALID_BASE64"],
  ])("%j is refused: %s", (encoded, code) => {
    expect(refusal(() => decodePacketV3(encoded))).toBe(code);
  });
});

describe("text payloads of revision 3", () => {
  test("each packet follows its length in UTF-16 code units", () => {
    const packets = [packet("open", "{}"), packet("message", "€😀"), packet("message", bytes(1, 2, 3)), packet("noop")];
    expect(encodePayloadV3(packets, false)).toBe("3:0{}4:4€😀6:b4AQID1:6");
    expect(decodePayloadV3("3:0{}4:4€😀6:b4AQID1:6")).toStrictEqual(packets);
  });

  test("an empty payload is 0:, in both directions", () => {
    expect(encodePayloadV3([], true)).toBe("0:");
    expect(decodePayloadV3("0:")).toStrictEqual([]);
  });

  test("a message may look like a header", () => {
    const packets = [packet("message", "3:4"), packet("message", ":"), packet("message", "\x1e")];
    expect(decodePayloadV3(encodePayloadV3(packets, true))).toStrictEqual(packets);
  });

  test.each([
    ["", "ENGINE_EMPTY_PAYLOAD"],
    ["4hello", "ENGINE_INVALID_LENGTH"],
    [":", "ENGINE_INVALID_LENGTH"],
    [":4a", "ENGINE_INVALID_LENGTH"],
    ["2", "ENGINE_INVALID_LENGTH"],
    ["2:4", "ENGINE_INVALID_LENGTH"],
    ["3:4a", "ENGINE_INVALID_LENGTH"],
    ["-1:4a", "ENGINE_INVALID_LENGTH"],
    ["-:4a", "ENGINE_INVALID_LENGTH"],
    ["+2:4a", "ENGINE_INVALID_LENGTH"],
    [" 2:4a", "ENGINE_INVALID_LENGTH"],
    ["1e0:4", "ENGINE_INVALID_LENGTH"],
    ["1e5:4a", "ENGINE_INVALID_LENGTH"],
    ["0x2:4a", "ENGINE_INVALID_LENGTH"],
    ["2.0:4a", "ENGINE_INVALID_LENGTH"],
    ["Infinity:4a", "ENGINE_INVALID_LENGTH"],
    ["NaN:4a", "ENGINE_INVALID_LENGTH"],
    ["9999999999:4a", "ENGINE_INVALID_LENGTH"],
    ["99999999999999999999999999:4a", "ENGINE_INVALID_LENGTH"],
    ["00000000002:4a", "ENGINE_INVALID_LENGTH"],
    ["0:0:", "ENGINE_INVALID_LENGTH"],
    ["0:2:4a", "ENGINE_INVALID_LENGTH"],
    ["2:4a0:", "ENGINE_INVALID_LENGTH"],
    ["2:4a2", "ENGINE_INVALID_LENGTH"],
    ["2:4a:", "ENGINE_INVALID_LENGTH"],
    ["1:9", "ENGINE_UNKNOWN_PACKET_TYPE"],
    ["2:4a1:9", "ENGINE_UNKNOWN_PACKET_TYPE"],
    ["3:b4A", "ENGINE_INVALID_BASE64"],
  ])("%j is refused: %s", (payload, code) => {
    expect(refusal(() => decodePayloadV3(payload))).toBe(code);
  });

  test("a limit refuses the first packet beyond it", () => {
    expect(decodePayloadV3("2:4a2:4b", 2)).toHaveLength(2);
    expect(refusal(() => decodePayloadV3("2:4a2:4b1:", 2))).toBe("ENGINE_TOO_MANY_PACKETS");
  });
});

describe("binary payloads of revision 3", () => {
  test("used when a packet contains bytes and the client can read them", () => {
    const packets = [packet("message", "aé"), packet("message", bytes(1, 2))];
    // Mark, digits of the length in bytes, 255, packet.
    expect(hex(encodePayloadV3(packets, true))).toBe("0004ff3461c3a90103ff040102");
    expect(encodePayloadV3(packets, false)).toBe("3:4aé6:b4AQI=");
    expect(encodePayloadV3([packet("message", "aé")], true)).toBe("3:4aé");
    expect(decodePayloadV3(Buffer.from("0004ff3461c3a90103ff040102", "hex"))).toStrictEqual(packets);
  });

  test.each([9, 10, 99, 100, 65535, 65536])("a length of %i", (length) => {
    const data = Buffer.alloc(length, 7);
    const encoded = encodePayloadV3([packet("message", data), packet("message", "x".repeat(length))], true);
    const [binary, text] = decodePayloadV3(encoded);
    expect(data.equals(binary?.data as Buffer)).toBe(true);
    expect(text?.data).toBe("x".repeat(length));
    const digits = Array.from(String(length + 1), (digit) => "0" + digit).join("");
    expect(hex(encoded).startsWith("01" + digits + "ff04")).toBe(true);
  });

  test.each([
    ["", "ENGINE_EMPTY_PAYLOAD"],
    ["00", "ENGINE_INVALID_LENGTH"],
    ["0001", "ENGINE_INVALID_LENGTH"],
    ["00ff", "ENGINE_INVALID_LENGTH"],
    ["00ff34", "ENGINE_INVALID_LENGTH"],
    ["0001ff", "ENGINE_INVALID_LENGTH"],
    ["0002ff34", "ENGINE_INVALID_LENGTH"],
    ["000aff34", "ENGINE_INVALID_LENGTH"],
    ["00feff34", "ENGINE_INVALID_LENGTH"],
    ["00" + "09".repeat(10) + "ff34", "ENGINE_INVALID_LENGTH"],
    ["00" + "00".repeat(400) + "01ff34", "ENGINE_INVALID_LENGTH"],
    ["00" + "01".repeat(400), "ENGINE_INVALID_LENGTH"],
    ["0000ff", "ENGINE_INVALID_LENGTH"],
    ["0100ff", "ENGINE_INVALID_LENGTH"],
    ["0201ff04", "ENGINE_UNKNOWN_PACKET_TYPE"],
    ["ff01ff34", "ENGINE_UNKNOWN_PACKET_TYPE"],
    ["0001ff04", "ENGINE_UNKNOWN_PACKET_TYPE"],
    ["0101ff34", "ENGINE_UNKNOWN_PACKET_TYPE"],
    ["0002ff34ff", "ENGINE_INVALID_UTF8"],
    ["0003ff34c080", "ENGINE_INVALID_UTF8"],
    ["0001ff3400", "ENGINE_INVALID_LENGTH"],
  ])("%s is refused: %s", (payload, code) => {
    expect(refusal(() => decodePayloadV3(Buffer.from(payload, "hex")))).toBe(code);
  });

  test("cut anywhere, a payload is refused unless the cut is between two packets", () => {
    const first = encodePayloadV3([packet("message", bytes(1, 2, 3))], true) as Buffer;
    const both = encodePayloadV3([packet("message", bytes(1, 2, 3)), packet("message", "é")], true) as Buffer;
    for (let end = 0; end < both.length; end++) {
      const cut = both.subarray(0, end);
      if (end === first.length) expect(decodePayloadV3(cut)).toHaveLength(1);
      else expect(refusal(() => decodePayloadV3(cut))).toMatch(/^ENGINE_(EMPTY_PAYLOAD|INVALID_LENGTH)$/);
    }
  });

  test("a limit refuses the first packet beyond it", () => {
    const payload = encodePayloadV3(
      [1, 2, 3].map((value) => packet("message", bytes(value))),
      true,
    );
    expect(decodePayloadV3(payload, 3)).toHaveLength(3);
    expect(refusal(() => decodePayloadV3(payload, 2))).toBe("ENGINE_TOO_MANY_PACKETS");
  });
});

describe("beside the reference", () => {
  const text = fc.oneof(fc.string(), anyText(), fc.string({ unit: fc.nat(0xffff).map(unit) }));
  const data = fc.oneof(
    text,
    fc.constant(undefined),
    fc.uint8Array({ maxLength: 300 }).map((value) => Buffer.from(value)),
  );
  const type = fc.constantFrom<EnginePacketType>("open", "close", "ping", "pong", "message", "upgrade", "noop");
  const packets = fc.array(
    fc.tuple(type, data).map(([name, content]) => packet(name, content)),
    { maxLength: 6 },
  );

  function unit(code: number): string {
    return String.fromCharCode(code);
  }

  test("packets are encoded and decoded alike, byte for byte", () => {
    fc.assert(
      fc.property(type, data, fc.boolean(), (name, content, supportsBinary) => {
        const sent = packet(name, content);
        const theirs = received((done) => referenceV3.encodePacket(sent, supportsBinary, false, done));
        const ours = encodePacketV3(sent, supportsBinary);
        expectSame(ours, theirs);
        const back = referenceV3.decodePacket(ours);
        expectSame(decodePacketV3(theirs as RawData), packet(back.type as never, back.data as never));
      }),
      runs(300),
    );
  });

  test("payloads are encoded alike, and each side reads the other's", () => {
    fc.assert(
      fc.property(packets, fc.boolean(), (sent, supportsBinary) => {
        const theirs = received((done) => referenceV3.encodePayload(sent, supportsBinary, done)) as RawData;
        const ours = encodePayloadV3(sent, supportsBinary);
        expectSame(ours, theirs);
        const read: EnginePacket[] = [];
        referenceV3.decodePayload(ours, (back: EnginePacket) => read.push(packet(back.type, back.data)));
        expectSame(decodePayloadV3(theirs), read);
      }),
      runs(300),
    );
  });
});
