import { describe, expect, test, vi } from "vitest";
import { Decoder } from "../../../../../packages/client/src/socketio/codec/decoder.ts";
import { Encoder } from "../../../../../packages/client/src/socketio/codec/encoder.ts";
import * as parser from "../../../../../packages/parser/src/socket.ts";
import type { Packet } from "../../../../../packages/parser/src/socket.ts";

// The client has its own small codec: both must handle the same packets.

const date = new Date(0);
const bytes = Uint8Array.of(1, 2, 3);
const shared = { bytes };

const PACKETS: Record<string, Packet> = {
  CONNECT: { type: 0, nsp: "/" },
  "CONNECT with credentials": { type: 0, nsp: "/chat", data: { token: "x" } },
  DISCONNECT: { type: 1, nsp: "/chat" },
  EVENT: { type: 2, nsp: "/", data: ["hello", 1, null, { two: [3] }] },
  "EVENT with an id": { type: 2, nsp: "/chat", data: ["hello"], id: 0 },
  "EVENT of a number": { type: 2, nsp: "/", data: [1, "two"] },
  ACK: { type: 3, nsp: "/", data: [], id: 12 },
  CONNECT_ERROR: { type: 4, nsp: "/", data: { message: "no" } },
  "binary EVENT": { type: 2, nsp: "/", data: ["hello", bytes, { deep: [bytes.buffer] }] },
  "binary ACK": { type: 3, nsp: "/chat", data: [Buffer.from("x")], id: 7 },
  "the same bytes twice": { type: 2, nsp: "/", data: ["hello", shared, shared] },
  "a date, and undefined": { type: 2, nsp: "/", data: ["hello", date, undefined, { a: undefined, date }] },
  "toJSON()": { type: 2, nsp: "/", data: ["hello", { toJSON: () => ({ bytes }) }, { toJSON: () => 5 }] },
  "no prototype": { type: 2, nsp: "/", data: ["hello", Object.assign(Object.create(null), { bytes })] },
  "own __proto__": { type: 2, nsp: "/", data: ["hello", withProto()] },
  "a Blob": { type: 2, nsp: "/", data: ["hello", new Blob(["x"])] },
};

function itself(value: Record<string, unknown>): object {
  value["toJSON"] = () => value;
  return value;
}

function withProto(): object {
  return Object.defineProperty({}, "__proto__", { value: { bytes }, enumerable: true, writable: true });
}

const encode = (packet: Packet): unknown[] => new Encoder().encode(packet);

/** Returns the results of each decoder for the chunks of one connection. */
function decodeWith(DecoderClass: typeof Decoder | typeof parser.Decoder, chunks: readonly unknown[]): unknown {
  const decoder = new DecoderClass() as parser.Decoder;
  const packets: unknown[] = [];
  decoder.on("decoded", ({ type, nsp, id, data }) => packets.push({ type, nsp, id, data }));
  try {
    for (const chunk of chunks) decoder.add(chunk as string);
  } catch {
    return "refused";
  }
  return packets;
}

describe("Encoder", () => {
  test("the bytes of a Buffer are not converted to a list, at any depth", () => {
    const toJSON = vi.spyOn(Buffer.prototype, "toJSON");
    try {
      const [one, two] = [Buffer.from("one"), Buffer.from("two")];
      const data = ["hello", one, { toJSON: () => ({ two }) }, { list: [[two], 5], one }];
      const [text, ...attachments] = encode({ type: 2, nsp: "/", data });
      expect(text).toMatch(/^54-\["hello",/);
      expect(attachments).toEqual([one, two, two, one]);
      expect(toJSON).not.toHaveBeenCalled();
      expect(data[1]).toBe(one);
    } finally {
      toJSON.mockRestore();
    }
  });

  test.each(Object.entries(PACKETS))("%s: as the parser does", (_name, packet) => {
    const before = structuredClone(Object.keys(packet));
    expect(encode(packet)).toEqual(new parser.Encoder().encode(packet));
    expect(Object.keys(packet)).toEqual(before);
  });

  test("nothing given is changed", () => {
    const data = ["hello", { deep: { bytes } }];
    encode({ type: 2, nsp: "/", data });
    expect(data).toEqual(["hello", { deep: { bytes } }]);
  });

  test("circular data throws", () => {
    const data: unknown[] = ["hello"];
    data.push({ data });
    expect(() => encode({ type: 2, nsp: "/", data })).toThrow();
  });

  test("bytes in the result of toJSON() are attachments, even if it returns itself", () => {
    const packet = { type: 2, nsp: "/", data: ["hello", itself({ bytes }), itself({ a: 1 })] } as Packet;
    expect(encode(packet)).toEqual(['51-["hello",{"bytes":{"_placeholder":true,"num":0}},{"a":1}]', bytes]);
  });
});

describe("Decoder", () => {
  test.each(Object.entries(PACKETS))("%s: as the parser does", (_name, packet) => {
    const chunks = encode(packet);
    expect(decodeWith(Decoder, chunks)).toEqual(decodeWith(parser.Decoder, chunks));
    expect(decodeWith(Decoder, chunks)).not.toBe("refused");
  });

  test("several packets, one after another", () => {
    const chunks = [
      ...encode(PACKETS["binary EVENT"]!),
      ...encode(PACKETS["EVENT"]!),
      ...encode(PACKETS["binary ACK"]!),
    ];
    expect(decodeWith(Decoder, chunks)).toEqual(decodeWith(parser.Decoder, chunks));
  });

  test.each([
    ["", "nothing"],
    ["7", "unknown type"],
    ["x", "no type"],
    ["0[]", "array for an object"],
    ["0null", "null for an object"],
    ['0"x"', "string for an object"],
    ["2", "EVENT of nothing"],
    ["2[]", "EVENT without a name"],
    ["2{}", "EVENT of an object"],
    ['2["connect"]', "reserved name"],
    ['2["disconnecting"]', "reserved name"],
    ["2[null]", "name that is null"],
    ["2[{}]", "name that is an object"],
    ['2["x"', "cut off"],
    ["3", "ACK of nothing"],
    ["3{}", "ACK of an object"],
    ["4", "CONNECT_ERROR of nothing"],
    ["4[]", "CONNECT_ERROR of an array"],
    ["44", "CONNECT_ERROR with an id alone"],
    ['5["x"]', "binary without a number of attachments"],
    ['50-["x"]', "no attachments announced"],
    ['51.5-["x"]', "half an attachment"],
    ['5-1-["x"]', "minus one attachment"],
    ['511-["x"]', "too many attachments"],
    ['51-["connect",{"_placeholder":true,"num":0}]', "binary event of a reserved name"],
  ])("%s is refused: %s", (text) => {
    expect(decodeWith(Decoder, [text])).toBe("refused");
    expect(decodeWith(parser.Decoder, [text])).toBe("refused");
  });

  // python-socketio gives its reason; the reference refuses these
  test.each(["1{}", '1{"reason":1}', "1[]", '1"text"', "1\n", "0\n", '0 {"sid":"x"}', '2 ["a"]\n'])(
    "%j is taken: data of a DISCONNECT means nothing, nor do blanks",
    (text) => {
      expect(decodeWith(Decoder, [text])).not.toBe("refused");
    },
  );

  test.each([
    [['51-["x",{"_placeholder":true,"num":0}]', '2["y"]']],
    [[Uint8Array.of(1)]],
    [['51-["x",{"_placeholder":true,"num":1}]', Uint8Array.of(1)]],
    [['51-["x",{"_placeholder":true,"num":"length"}]', Uint8Array.of(1)]],
    [['51-["x",{"_placeholder":true,"num":-1}]', Uint8Array.of(1)]],
    [['51-["x",{"_placeholder":true}]', Uint8Array.of(1)]],
    [[5]],
    [[undefined]],
    [[{}]],
  ])("%o is refused", (chunks) => {
    expect(decodeWith(Decoder, chunks)).toBe("refused");
    expect(decodeWith(parser.Decoder, chunks)).toBe("refused");
  });

  test("more arguments than the stack can hold are refused", () => {
    expect(decodeWith(Decoder, [`2${JSON.stringify(["x", ...Array.from({ length: 10_000 }, () => 0)])}`])).toBe(
      "refused",
    );
  });

  test("deep nesting exhausts no stack", () => {
    const deep = `51-["x",${"[".repeat(50_000)}{"_placeholder":true,"num":0}${"]".repeat(50_000)}]`;
    expect(decodeWith(Decoder, [deep, bytes])).toHaveLength(1);
  });

  test("quotes the malformed packet, truncated", () => {
    const add = (): void => new Decoder().add("9".repeat(1000));
    expect(add).toThrow(/^invalid packet: 9{60}$/);
    expect(add).toThrow(expect.objectContaining({ code: "PARSE_ERROR" }));
  });

  test("destroy() drops a packet with missing attachments", () => {
    const decoder = new Decoder();
    decoder.add('51-["x",{"_placeholder":true,"num":0}]');
    decoder.destroy();
    const packets: Packet[] = [];
    decoder.on("decoded", (packet) => packets.push(packet));
    decoder.add('2["y"]');
    expect(packets).toEqual([{ type: 2, nsp: "/", data: ["y"] }]);
  });
});
