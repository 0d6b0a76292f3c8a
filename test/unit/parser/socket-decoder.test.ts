import { describe, expect, test } from "vitest";
import { Decoder, type Packet, PacketType, SocketPacket } from "@portage/parser";
import { refusal, refused } from "./reference.ts";

const bytes = Buffer.from([1, 2, 3]);
const decode = (...chunks: Array<string | Buffer>): SocketPacket | undefined => {
  const decoder = new Decoder();
  let packet: SocketPacket | undefined;
  for (const chunk of chunks) {
    expect(packet).toBeUndefined();
    packet = decoder.decode(chunk);
  }
  return packet;
};
/** The data of an event decoded from these chunks. */
const decodeData = (...chunks: Array<string | Buffer>): unknown[] => decode(...chunks)?.data as unknown[];
const packet = (type: PacketType, nsp: string, data?: unknown, id?: number): SocketPacket =>
  new SocketPacket(type, nsp, data, id);

describe("text packets", () => {
  test.each<[string, SocketPacket]>([
    ["0", packet(0, "/")],
    ["0/chat", packet(0, "/chat")],
    ["0/chat,", packet(0, "/chat")],
    ["0/,", packet(0, "/")],
    ["0/chat?token=x&y=1,", packet(0, "/chat?token=x&y=1")],
    ['0/chat?a=b,{"c":1}', packet(0, "/chat?a=b", { c: 1 })],
    ['0{"token":"a"}', packet(0, "/", { token: "a" })],
    ['0/é😀,{"token":"a"}', packet(0, "/é😀", { token: "a" })],
    ["1", packet(1, "/")],
    ["1/chat,", packet(1, "/chat")],
    ['2["hello"]', packet(2, "/", ["hello"])],
    ['2[""]', packet(2, "/", [""])],
    ["2[1]", packet(2, "/", [1])],
    ['2["hello",{"a":[1,"{["]}]', packet(2, "/", ["hello", { a: [1, "{["] }])],
    ['20["hello"]', packet(2, "/", ["hello"], 0)],
    ['2007["hello"]', packet(2, "/", ["hello"], 7)],
    ['29007199254740991["hello"]', packet(2, "/", ["hello"], Number.MAX_SAFE_INTEGER)],
    ['2/chat,12["hello"]', packet(2, "/chat", ["hello"], 12)],
    ['2/12,3["hello"]', packet(2, "/12", ["hello"], 3)],
    ['2["a,b/c"]', packet(2, "/", ["a,b/c"])],
    ["3[]", packet(3, "/", [])],
    ['37["connect"]', packet(3, "/", ["connect"], 7)],
    ["3/chat,0[null]", packet(3, "/chat", [null], 0)],
    ['4{"message":"no"}', packet(4, "/", { message: "no" })],
    ['4"no"', packet(4, "/", "no")],
    ['4/chat,"no"', packet(4, "/chat", "no")],
    ['2["e",{"_placeholder":true,"num":0}]', packet(2, "/", ["e", { _placeholder: true, num: 0 }])],
  ])("%s", (text, expected) => {
    expect(decode(text)).toStrictEqual(expected);
  });

  test.each([
    ["", "SOCKET_UNKNOWN_PACKET_TYPE", "unknown packet type NaN"],
    [" ", "SOCKET_UNKNOWN_PACKET_TYPE", "unknown packet type NaN"],
    ["x", "SOCKET_UNKNOWN_PACKET_TYPE", "unknown packet type NaN"],
    ["999", "SOCKET_UNKNOWN_PACKET_TYPE", "unknown packet type 9"],
    ["7", "SOCKET_UNKNOWN_PACKET_TYPE", "unknown packet type 7"],
    ["constructor", "SOCKET_UNKNOWN_PACKET_TYPE", "unknown packet type NaN"],
    ["2", "SOCKET_INVALID_PAYLOAD", "invalid payload"],
    ["2/chat", "SOCKET_INVALID_PAYLOAD", "invalid payload"],
    ["212", "SOCKET_INVALID_PAYLOAD", "invalid payload"],
    ["3", "SOCKET_INVALID_PAYLOAD", "invalid payload"],
    ["4", "SOCKET_INVALID_PAYLOAD", "invalid payload"],
    ['442["some","data"', "SOCKET_INVALID_PAYLOAD", "invalid payload"],
    ['0/admin,"invalid"', "SOCKET_INVALID_PAYLOAD", "invalid payload"],
    ["0[]", "SOCKET_INVALID_PAYLOAD", "invalid payload"],
    ["0null", "SOCKET_INVALID_PAYLOAD", "invalid payload"],
    ['2/admin,"invalid', "SOCKET_INVALID_PAYLOAD", "invalid payload"],
    ["2/admin,{}", "SOCKET_INVALID_PAYLOAD", "invalid payload"],
    ["2[]", "SOCKET_INVALID_PAYLOAD", "invalid payload"],
    ['2[{"toString":"foo"}]', "SOCKET_INVALID_PAYLOAD", "invalid payload"],
    ['2[true,"foo"]', "SOCKET_INVALID_PAYLOAD", "invalid payload"],
    ['2[null,"bar"]', "SOCKET_INVALID_PAYLOAD", "invalid payload"],
    ['2["a"]x', "SOCKET_INVALID_PAYLOAD", "invalid payload"],
    ['21 2["a"]', "SOCKET_INVALID_PAYLOAD", "invalid payload"],
    ['21e30["a"]', "SOCKET_INVALID_PAYLOAD", "invalid payload"],
    ['2Infinity["a"]', "SOCKET_INVALID_PAYLOAD", "invalid payload"],
    ['2-1["a"]', "SOCKET_INVALID_PAYLOAD", "invalid payload"],
    ['21.5["a"]', "SOCKET_INVALID_PAYLOAD", "invalid payload"],
    ['29007199254740992["a"]', "SOCKET_INVALID_ACK_ID", "the acknowledgement id is not a safe integer"],
    ["2" + "9".repeat(400) + '["a"]', "SOCKET_INVALID_ACK_ID", "the acknowledgement id is not a safe integer"],
    ["31{}", "SOCKET_INVALID_PAYLOAD", "invalid payload"],
    ["4[]", "SOCKET_INVALID_PAYLOAD", "invalid payload"],
    ["4null", "SOCKET_INVALID_PAYLOAD", "invalid payload"],
    ["412", "SOCKET_INVALID_PAYLOAD", "invalid payload"],
    ["5", "SOCKET_ILLEGAL_ATTACHMENT_COUNT", "Illegal attachments"],
    ['5["a"]', "SOCKET_ILLEGAL_ATTACHMENT_COUNT", "Illegal attachments"],
    ["51", "SOCKET_ILLEGAL_ATTACHMENT_COUNT", "Illegal attachments"],
    ['51["a"]', "SOCKET_ILLEGAL_ATTACHMENT_COUNT", "Illegal attachments"],
    ["5a-", "SOCKET_ILLEGAL_ATTACHMENT_COUNT", "Illegal attachments"],
    ["51.23-", "SOCKET_ILLEGAL_ATTACHMENT_COUNT", "Illegal attachments"],
    ["51e0-", "SOCKET_ILLEGAL_ATTACHMENT_COUNT", "Illegal attachments"],
    ["50x1-", "SOCKET_ILLEGAL_ATTACHMENT_COUNT", "Illegal attachments"],
    ["5-", "SOCKET_ILLEGAL_ATTACHMENT_COUNT", "Illegal attachments"],
    ["5--1-", "SOCKET_ILLEGAL_ATTACHMENT_COUNT", "Illegal attachments"],
    ['50-["a"]', "SOCKET_ILLEGAL_ATTACHMENT_COUNT", "Illegal attachments"],
    ["60-1[]", "SOCKET_ILLEGAL_ATTACHMENT_COUNT", "Illegal attachments"],
    ['511-["a"]', "SOCKET_TOO_MANY_ATTACHMENTS", "too many attachments"],
    ["5" + "9".repeat(16) + '-["a"]', "SOCKET_TOO_MANY_ATTACHMENTS", "too many attachments"],
    ["5" + "9".repeat(400) + '-["a"]', "SOCKET_ILLEGAL_ATTACHMENT_COUNT", "Illegal attachments"],
    ["20" + "0".repeat(17) + '1["a"]', "SOCKET_INVALID_PAYLOAD", "invalid payload"],
    ["1{", "SOCKET_INVALID_PAYLOAD", "invalid payload"],
    ["1x", "SOCKET_INVALID_PAYLOAD", "invalid payload"],
    ["2 ", "SOCKET_INVALID_PAYLOAD", "invalid payload"],
    ['2\u00a0["a"]', "SOCKET_INVALID_PAYLOAD", "invalid payload"],
    ['2\u0000["a"]', "SOCKET_INVALID_PAYLOAD", "invalid payload"],
    [' 2["a"]', "SOCKET_UNKNOWN_PACKET_TYPE", "unknown packet type NaN"],
    ["5 -[]", "SOCKET_ILLEGAL_ATTACHMENT_COUNT", "Illegal attachments"],
    ["51-", "SOCKET_INVALID_PAYLOAD", "invalid payload"],
    ["51-{}", "SOCKET_INVALID_PAYLOAD", "invalid payload"],
    ["61-1", "SOCKET_INVALID_PAYLOAD", "invalid payload"],
    ['51-["connect"]', "SOCKET_INVALID_PAYLOAD", "invalid payload"],
  ])("%j is refused: %s", (text, code, message) => {
    expect(refused(() => decode(text))).toMatchObject({ code, message });
  });

  test.each([
    ["0\n", { type: 0, nsp: "/", data: undefined, id: undefined }],
    ["0 {}", { type: 0, nsp: "/", data: {}, id: undefined }],
    ['0/admin, {"a":1}\r\n', { type: 0, nsp: "/admin", data: { a: 1 }, id: undefined }],
    ["1\n", { type: 1, nsp: "/", data: undefined, id: undefined }],
    ['2 ["a"]', { type: 2, nsp: "/", data: ["a"], id: undefined }],
    ['2\t12\n["a"]\n', { type: 2, nsp: "/", data: ["a"], id: 12 }],
    ['2/chat, 12 ["a"]', { type: 2, nsp: "/chat", data: ["a"], id: 12 }],
    ["312 []", { type: 3, nsp: "/", data: [], id: 12 }],
    ['1{"reason":1}', { type: 1, nsp: "/", data: undefined, id: undefined }],
    ['1/admin,"bye"', { type: 1, nsp: "/admin", data: undefined, id: undefined }],
    ["1null", { type: 1, nsp: "/", data: undefined, id: undefined }],
  ])("%j is accepted unchanged", (text, packet) => {
    expect(decode(text)).toMatchObject(packet);
  });

  test("white space around the number of attachments is skipped", () => {
    const decoder = new Decoder();
    expect(decoder.decode('5 1 - ["a",{"_placeholder":true,"num":0}]')).toBeUndefined();
    expect(decoder.decode(Buffer.from([1]))).toMatchObject({ type: 2, data: ["a", Buffer.from([1])], attachments: 1 });
  });

  test.each(["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"])(
    "the event name %s is reserved",
    (name) => {
      expect(refusal(() => decode(`2["${name}"]`))).toBe("SOCKET_INVALID_PAYLOAD");
      expect(decode(`2["x","${name}"]`)?.data).toStrictEqual(["x", name]);
    },
  );

  test("keys named __proto__ stay data", () => {
    const value = decodeData('2["e",{"__proto__":{"admin":true},"constructor":1}]')[1] as object;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys(value)).toStrictEqual(["__proto__", "constructor"]);
    expect(({} as { admin?: unknown }).admin).toBeUndefined();
  });
});

describe("attachments", () => {
  const placeholder = (num: unknown): string => JSON.stringify({ _placeholder: true, num });

  test("replace their placeholders anywhere", () => {
    const other = Buffer.from([9]);
    const text = `52-/n,7["e",[{"a":${placeholder(1)}}],${placeholder(0)},${placeholder(1)}]`;
    expect(decode(text, bytes, other)).toMatchObject({ type: PacketType.EVENT, nsp: "/n", id: 7, attachments: 2 });
    const data = decodeData(text, bytes, other);
    expect(data).toStrictEqual(["e", [{ a: other }], bytes, other]);
    expect(data[2]).toBe(bytes);
  });

  test("an acknowledgement", () => {
    expect(decode(`61-7[${placeholder(0)}]`, bytes)).toMatchObject({ type: PacketType.ACK, id: 7, data: [bytes] });
  });

  test("the most allowed, one at a time", () => {
    const list = Array.from({ length: 10 }, (_, i) => Buffer.from([i]));
    const text = `510-["e",${list.map((_, i) => placeholder(i)).join(",")}]`;
    expect(decode(text, ...list)?.data).toStrictEqual(["e", ...list]);
  });

  test("need not all be used", () => {
    expect(decode('51-["e"]', bytes)?.data).toStrictEqual(["e"]);
  });

  test.each<[unknown]>([["splice"], [-1], [1], [0.5], ["0"], [null], [undefined], [1e300], [[0]], ["__proto__"]])(
    "a placeholder for attachment %j is refused",
    (num) => {
      const text = `51-["e",{"x":[${placeholder(num)}]}]`;
      const error = refused(() => decode(text, bytes));
      expect(error).toMatchObject({ code: "SOCKET_ILLEGAL_PLACEHOLDER", message: "illegal attachments" });
    },
  );

  test("only a mark that is exactly true makes a placeholder", () => {
    expect(decode('51-["e",{"_placeholder":1,"num":5}]', bytes)?.data).toStrictEqual([
      "e",
      { _placeholder: 1, num: 5 },
    ]);
  });

  test("a placeholder under __proto__ does not reach the prototype", () => {
    const value = decodeData(`51-["e",{"__proto__":${placeholder(0)}}]`, bytes)[1] as object;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.getOwnPropertyDescriptor(value, "__proto__")?.value).toBe(bytes);
  });

  test("array buffers, views and blobs are attachments too", () => {
    for (const chunk of [new ArrayBuffer(1), new Uint8Array(1), new DataView(new ArrayBuffer(1)), new Blob(["a"])]) {
      expect(decodeData(`51-["e",${placeholder(0)}]`, chunk as Buffer)[1]).toBe(chunk);
    }
  });

  test("text while attachments are missing is refused, and the decoder starts afresh", () => {
    const decoder = new Decoder();
    decoder.decode(`51-["e",${placeholder(0)}]`);
    const error = refused(() => decoder.decode('2["x"]'));
    expect(error.message).toBe("got plaintext data when reconstructing a packet");
    expect(decoder.decode('2["x"]')?.data).toStrictEqual(["x"]);
  });

  test("unannounced bytes are refused", () => {
    expect(refused(() => decode(bytes)).message).toBe("got binary data when not reconstructing a packet");
    const decoder = new Decoder();
    decoder.decode(`51-["e",${placeholder(0)}]`);
    decoder.decode(bytes);
    expect(refusal(() => decoder.decode(bytes))).toBe("SOCKET_UNEXPECTED_BINARY");
  });

  test("destroy drops an incomplete packet", () => {
    const decoder = new Decoder();
    decoder.decode(`51-["e",${placeholder(0)}]`);
    decoder.destroy();
    expect(refusal(() => decoder.decode(bytes))).toBe("SOCKET_UNEXPECTED_BINARY");
    expect(decoder.decode('2["x"]')?.data).toStrictEqual(["x"]);
  });

  test.each<[unknown, string]>([
    [999, "Unknown type: 999"],
    [undefined, "Unknown type: undefined"],
    [null, "Unknown type: null"],
    [{}, "Unknown type: [object Object]"],
    [Object.create(null), "Unknown type: object"],
  ])("a chunk that is neither text nor bytes: %j", (chunk, message) => {
    expect(refused(() => decode(chunk as string))).toMatchObject({ code: "SOCKET_UNKNOWN_CHUNK_TYPE", message });
  });
});

describe("revivers", () => {
  const big = (_key: string, value: unknown): unknown =>
    typeof value === "string" && /^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value;

  test("given alone or among the options", () => {
    expect(new Decoder(big).decode('2["n","12n"]')?.data).toStrictEqual(["n", 12n]);
    expect(new Decoder({ reviver: big }).decode('2["n",["12n"]]')?.data).toStrictEqual(["n", [12n]]);
  });

  test("their result is checked", () => {
    expect(refusal(() => new Decoder(() => undefined).decode('2["n"]'))).toBe("SOCKET_INVALID_PAYLOAD");
    expect(refusal(() => new Decoder(() => undefined).decode("0{}"))).toBe("SOCKET_INVALID_PAYLOAD");
    expect(refusal(() => new Decoder(() => 1).decode('2["n"]'))).toBe("SOCKET_INVALID_PAYLOAD");
    const failing = new Decoder(() => {
      throw new TypeError("mine");
    });
    expect(refusal(() => failing.decode('2["n"]'))).toBe("SOCKET_INVALID_PAYLOAD");
  });

  test("do not see data that is too deep", () => {
    const decoder = new Decoder({ reviver: big, maxDepth: 3 });
    expect(decoder.decode('2["n",[["12n"]],[[]],[[]]]')?.data).toStrictEqual(["n", [[12n]], [[]], [[]]]);
    expect(refusal(() => decoder.decode('2["n",[[["12n"]]],[]]'))).toBe("SOCKET_TOO_DEEP");
  });
});

describe("the decoded event", () => {
  test("carries packets without unused fields", () => {
    const decoder = new Decoder();
    const seen: Packet[] = [];
    decoder.on("decoded", (decoded) => seen.push(decoded));
    for (const text of ["0", '2["a"]', "37[]"]) decoder.add(text);
    decoder.add('51-["b",{"_placeholder":true,"num":0}]');
    decoder.add(bytes);
    expect(seen).toStrictEqual([
      { type: 0, nsp: "/" },
      { type: 2, nsp: "/", data: ["a"] },
      { type: 3, nsp: "/", id: 7, data: [] },
      { type: 2, nsp: "/", data: ["b", bytes] },
    ]);
  });

  test("listeners: order, once, removal", () => {
    const decoder = new Decoder();
    const calls: string[] = [];
    const a = (): unknown => calls.push("a");
    const b = (): unknown => calls.push("b");
    expect(decoder.once("decoded", a).on("decoded", b).on("decoded", a)).toBe(decoder);
    decoder.add("0");
    expect(calls.splice(0)).toStrictEqual(["a", "b", "a"]);
    decoder.add("0");
    expect(calls.splice(0)).toStrictEqual(["b", "a"]);
    decoder.removeListener("decoded", a);
    decoder.add("0");
    expect(calls.splice(0)).toStrictEqual(["b"]);
    decoder.off("decoded");
    decoder.add("0");
    decoder.on("decoded", a).off().off("decoded", b).add("0");
    expect(calls).toStrictEqual([]);
  });

  test("a listener may remove others, or destroy the decoder", () => {
    const decoder = new Decoder();
    const calls: string[] = [];
    decoder.on("decoded", () => {
      calls.push("first");
      decoder.off();
      decoder.destroy();
    });
    decoder.on("decoded", () => calls.push("second"));
    decoder.add("0");
    decoder.add("0");
    expect(calls).toStrictEqual(["first", "second"]);
  });

  test("other events of the caller", () => {
    const decoder = new Decoder();
    expect(decoder.emit("nobody")).toBe(decoder);
    const seen: unknown[] = [];
    decoder.on("decoded", (decoded) => seen.push(decoded));
    decoder.emit("decoded", 1, 2);
    expect(seen).toStrictEqual([1]);
  });
});
