import { describe, expect, test } from "vitest";
import { Encoder, type Packet, PacketType } from "@portage/parser";
import { refusal } from "./reference.ts";

const encode = (packet: Packet): Array<string | Buffer> => new Encoder().encode(packet);
const event = (...data: unknown[]): Packet => ({ type: PacketType.EVENT, nsp: "/", data });
const bytes = Buffer.from([1, 2, 3]);
const PLACEHOLDER = '{"_placeholder":true,"num":0}';

describe("text packets", () => {
  test.each<[Packet, string]>([
    [{ type: PacketType.CONNECT, nsp: "/" }, "0"],
    [{ type: PacketType.CONNECT, nsp: "/chat" }, "0/chat,"],
    [{ type: PacketType.CONNECT, nsp: "/chat?token=x", data: undefined }, "0/chat?token=x,"],
    [{ type: PacketType.CONNECT, nsp: "/", data: { sid: "a" } }, '0{"sid":"a"}'],
    [{ type: PacketType.DISCONNECT, nsp: "/" }, "1"],
    [{ type: PacketType.DISCONNECT, nsp: "/chat" }, "1/chat,"],
    [{ type: PacketType.EVENT, nsp: "/", data: ["hello", 1, null, true] }, '2["hello",1,null,true]'],
    [{ type: PacketType.EVENT, nsp: "/", data: ["hello"], id: 0 }, '20["hello"]'],
    [{ type: PacketType.EVENT, nsp: "/chat", data: ["hello"], id: 12 }, '2/chat,12["hello"]'],
    [{ type: PacketType.EVENT, nsp: "", data: ["hello"] }, '2["hello"]'],
    [{ type: PacketType.EVENT, nsp: "/", data: [1, { a: ["b"] }] }, '2[1,{"a":["b"]}]'],
    [
      { type: PacketType.EVENT, nsp: "/", data: ["a", undefined, new Date(0)] },
      '2["a",null,"1970-01-01T00:00:00.000Z"]',
    ],
    [{ type: PacketType.EVENT, nsp: "/" }, "2"],
    [{ type: PacketType.ACK, nsp: "/", data: [], id: 7 }, "37[]"],
    [{ type: PacketType.ACK, nsp: "/chat", data: ["ok"], id: 7 }, '3/chat,7["ok"]'],
    [{ type: PacketType.CONNECT_ERROR, nsp: "/", data: { message: "no" } }, '4{"message":"no"}'],
    [{ type: PacketType.CONNECT_ERROR, nsp: "/chat", data: "no" }, '4/chat,"no"'],
    [{ type: PacketType.BINARY_EVENT, nsp: "/", data: ["plain"] }, '2["plain"]'],
    [{ type: PacketType.BINARY_ACK, nsp: "/", data: [{ a: 1 }], id: 1 }, '31[{"a":1}]'],
  ])("%j is %s", (packet, text) => {
    expect(encode(packet)).toStrictEqual([text]);
  });

  test("a replacer is passed to JSON.stringify", () => {
    const encoder = new Encoder((_key, value) => (typeof value === "bigint" ? String(value) : value));
    expect(encoder.encode(event("n", 12n, { deep: 1n }))).toStrictEqual(['2["n","12",{"deep":"1"}]']);
  });
});

describe("attachments", () => {
  test.each<[string, unknown]>([
    ["Buffer", bytes],
    ["Uint8Array", new Uint8Array([1])],
    ["Float64Array", new Float64Array([1])],
    ["DataView", new DataView(new ArrayBuffer(2))],
    ["ArrayBuffer", new ArrayBuffer(2)],
    ["Blob", new Blob(["a"])],
  ])("%s is sent unchanged, with a placeholder in its place", (_name, data) => {
    const [text, attachment, ...rest] = encode(event("e", data));
    expect(text).toBe(`51-["e",${PLACEHOLDER}]`);
    expect(attachment).toBe(data);
    expect(rest).toHaveLength(0);
  });

  test("found anywhere, numbered in order", () => {
    const other = Buffer.from([9]);
    const bare: Record<string, unknown> = Object.assign(Object.create(null), { b: [other] });
    const encoded = encode({ ...event("e", [{ a: bytes }], bare, bytes), nsp: "/n", id: 3 });
    expect(encoded).toStrictEqual([
      `53-/n,3["e",[{"a":${PLACEHOLDER}}],{"b":[${PLACEHOLDER.replace("0", "1")}]},${PLACEHOLDER.replace("0", "2")}]`,
      bytes,
      other,
      bytes,
    ]);
  });

  test("an acknowledgement with attachments", () => {
    expect(encode({ type: PacketType.ACK, nsp: "/", data: [bytes], id: 4 })).toStrictEqual([
      `61-4[${PLACEHOLDER}]`,
      bytes,
    ]);
  });

  test("other types are never searched", () => {
    const encoded = encode({ type: PacketType.CONNECT, nsp: "/", data: { a: "b" }, attachments: 3 });
    expect(encoded).toStrictEqual(['0{"a":"b"}']);
  });

  test("the packet and its data are not changed, even when frozen", () => {
    const inner = Object.freeze({ list: Object.freeze([bytes]), keep: 1 });
    const data = Object.freeze(["e", inner]);
    const packet = Object.freeze({ type: PacketType.EVENT, nsp: "/", data });
    expect(encode(packet)).toHaveLength(2);
    expect(packet).toStrictEqual({ type: PacketType.EVENT, nsp: "/", data: ["e", { list: [bytes], keep: 1 }] });
  });

  test("a packet forwarded undecoded still announces its attachments", () => {
    const data = ["e", { _placeholder: true, num: 0 }];
    const packet: Packet = { type: PacketType.BINARY_EVENT, nsp: "/", data, attachments: 1 };
    expect(encode(packet)).toStrictEqual([`51-["e",${PLACEHOLDER}]`]);
  });

  test("keys named __proto__ stay data", () => {
    const data = JSON.parse('{"__proto__":{"a":1},"b":0}') as Record<string, unknown>;
    expect(encode(event("e", data))).toStrictEqual(['2["e",{"__proto__":{"a":1},"b":0}]']);
    data["b"] = bytes;
    expect(encode(event("e", data))[0]).toBe(`51-["e",{"__proto__":{"a":1},"b":${PLACEHOLDER}}]`);
    Object.defineProperty(data, "__proto__", { value: bytes, enumerable: true });
    expect(encode(event("e", data))[0]).toBe(
      `52-["e",{"__proto__":${PLACEHOLDER},"b":${PLACEHOLDER.replace("0", "1")}}]`,
    );
  });

  test("additions of the application to Object.prototype are not sent", () => {
    const prototype = Object.prototype as { foo?: unknown };
    prototype.foo = [bytes];
    try {
      expect(encode(event("e", { a: 1 }))).toStrictEqual(['2["e",{"a":1}]']);
      expect(encode(event("e", { a: bytes }))).toStrictEqual([`51-["e",{"a":${PLACEHOLDER}}]`, bytes]);
    } finally {
      delete prototype.foo;
    }
  });
});

describe("toJSON", () => {
  class Wrapped {
    readonly #content: unknown;
    constructor(content: unknown) {
      this.#content = content;
    }
    toJSON(): unknown {
      return this.#content;
    }
  }

  test.each<[string, unknown, string]>([
    ["text", new Wrapped("a"), '"a"'],
    ["an object", new Wrapped({ a: 1 }), '{"a":1}'],
    ["null", new Wrapped(null), "null"],
    ["bytes", new Wrapped(bytes), PLACEHOLDER],
    ["bytes in an object", new Wrapped({ a: [bytes] }), `{"a":[${PLACEHOLDER}]}`],
    ["bytes in an array", new Wrapped([bytes]), `[${PLACEHOLDER}]`],
    ["an own method beside bytes", { left: bytes, toJSON: () => ({ a: bytes }) }, `{"a":${PLACEHOLDER}}`],
    ["a method that returns its object", { a: 1, toJSON: returnsThis }, '{"a":1}'],
    ["a method that returns its object, with bytes", { a: bytes, toJSON: returnsThis }, `{"a":${PLACEHOLDER}}`],
    ["nested", { deep: [new Wrapped(new Wrapped([bytes]))] }, '{"deep":[{}]}'],
  ])("is followed to %s", (_name, value, json) => {
    const [text, ...attachments] = encode(event("e", value));
    const binary = json.includes("_placeholder");
    expect(text).toBe(`${binary ? "51-" : "2"}["e",${json}]`);
    expect(attachments).toStrictEqual(binary ? [bytes] : []);
  });

  function returnsThis(this: unknown): unknown {
    return this;
  }

  test("a failing toJSON is the caller's own error", () => {
    const failing = {
      toJSON: () => {
        throw new TypeError("mine");
      },
    };
    expect(() => encode(event("e", failing))).toThrow(new TypeError("mine"));
  });
});

describe("data that cannot be encoded", () => {
  test("circular data", () => {
    const circular: Record<string, unknown> = {};
    circular["self"] = circular;
    const list: unknown[] = [];
    list.push(list, bytes);
    expect(refusal(() => encode(event("e", circular)))).toBe("SOCKET_UNENCODABLE_DEPTH");
    expect(refusal(() => encode(event("e", list)))).toBe("SOCKET_UNENCODABLE_DEPTH");
  });

  test("data nested without end", () => {
    let deep: unknown = [];
    for (let i = 0; i < 50_000; i++) deep = i % 2 ? [deep] : { deep };
    expect(refusal(() => encode(event("e", deep)))).toBe("SOCKET_UNENCODABLE_DEPTH");
    const endless = { toJSON: (): unknown => [endless] };
    expect(refusal(() => encode(event("e", endless)))).toBe("SOCKET_UNENCODABLE_DEPTH");
  });

  test("500 levels are fine", () => {
    let deep: unknown = bytes;
    for (let i = 0; i < 500; i++) deep = [deep];
    expect(encode(event("e", deep))).toHaveLength(2);
  });
});
