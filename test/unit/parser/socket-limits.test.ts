import { describe, expect, test } from "vitest";
import { Decoder, type DecoderOptions } from "@portage/parser";
import { isDeeperThan, mayBeDeeperThan } from "../../../packages/parser/src/socket/json-depth.ts";
import { refusal } from "./reference.ts";

const decode = (text: string, options?: DecoderOptions): unknown => new Decoder(options).decode(text)?.data;
const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
const nestedObjects = (depth: number): string => '{"a":'.repeat(depth) + "1" + "}".repeat(depth);

describe("depth", () => {
  test.each([nested, nestedObjects])("100 levels are accepted, 101 refused", (nest) => {
    expect(decode(`2["e",${nest(99)}]`)).toHaveLength(2);
    expect(refusal(() => decode(`2["e",${nest(100)}]`))).toBe("SOCKET_TOO_DEEP");
    expect(decode(`0${nestedObjects(100)}`)).toBeTypeOf("object");
    expect(refusal(() => decode(`0${nestedObjects(101)}`))).toBe("SOCKET_TOO_DEEP");
  });

  test("brackets without end are refused, closed or not", () => {
    expect(refusal(() => decode(`2["e",${nested(100_000)}]`))).toBe("SOCKET_TOO_DEEP");
    expect(refusal(() => decode(`2${"[".repeat(1_000_000)}`))).toBe("SOCKET_INVALID_PAYLOAD");
    expect(refusal(() => decode(`2${'{"a":'.repeat(200_000)}`))).toBe("SOCKET_INVALID_PAYLOAD");
  });

  test("wide is not deep, and brackets within strings do not count", () => {
    expect(decode(`2["e",${"[{}],".repeat(5000)}1]`)).toHaveLength(5002);
    expect(decode(`2["e","${"[{".repeat(5000)}"]`)).toHaveLength(2);
    expect(decode(`2["e",{"${"[".repeat(500)}":["${'\\"['.repeat(500)}"]}]`)).toHaveLength(2);
  });

  test("another limit", () => {
    expect(decode('2["e",[]]', { maxDepth: 2 })).toHaveLength(2);
    expect(refusal(() => decode('2["e",[[]]]', { maxDepth: 2 }))).toBe("SOCKET_TOO_DEEP");
    expect(refusal(() => decode('2["e"]', { maxDepth: 0 }))).toBe("SOCKET_TOO_DEEP");
    expect(refusal(() => decode(`2${nested(100_000)}`, { maxDepth: 90_000 }))).toBe("SOCKET_INVALID_PAYLOAD");
  });

  test.each([
    ["[]", 1],
    ["[[]]", 2],
    ['{"a":[{"b":[]}]}', 4],
    ['{"a":1,"b":[1,2,{"c":null}]}', 3],
  ])("%s is %i deep", (json, depth) => {
    const value = JSON.parse(json) as object;
    expect(isDeeperThan(value, depth)).toBe(false);
    expect(isDeeperThan(value, depth - 1)).toBe(true);
    expect(mayBeDeeperThan(json, depth - 1)).toBe(true);
  });
});

describe("keys", () => {
  const twoKeys = '2["e",{"a":1,"b":{}}]';

  test("are counted in all objects together, where a limit is set", () => {
    expect(decode(twoKeys, { maxKeys: 2 })).toHaveLength(2);
    expect(refusal(() => decode(twoKeys, { maxKeys: 1 }))).toBe("SOCKET_TOO_MANY_KEYS");
    expect(refusal(() => decode('2["e",{"":1},{"":{"":1}}]', { maxKeys: 2 }))).toBe("SOCKET_TOO_MANY_KEYS");
    expect(refusal(() => decode('0{"a" : 1, "b":2}', { maxKeys: 1 }))).toBe("SOCKET_TOO_MANY_KEYS");
    expect(decode(`2["e",{${Array.from({ length: 50_000 }, (_, i) => `"${i}":1`).join()}}]`)).toHaveLength(2);
  });

  test.each(['":":', '\\":', '\\\\":', '\\\\\\":":', "::::"])("do not include colons in strings: %s", (text) => {
    const json = JSON.stringify([text.repeat(9), { a: text.repeat(9) }]);
    expect(decode(`2${json}`, { maxKeys: 1 })).toEqual(JSON.parse(json));
    expect(refusal(() => decode(`2${json}`, { maxKeys: 0 }))).toBe("SOCKET_TOO_MANY_KEYS");
  });

  test("do not matter in malformed JSON", () => {
    for (const text of ['"a:::::::::', '"\\', ":::::::::", '{":":":":"'])
      expect(refusal(() => decode(`2["e",${text}`, { maxKeys: 1 }))).toMatch(
        /^SOCKET_(TOO_MANY_KEYS|INVALID_PAYLOAD)$/,
      );
  });
});

describe("counts and lengths", () => {
  const args = (count: number): string => `["e"${",0".repeat(count - 1)}]`;

  test("arguments", () => {
    expect(decode(`2${args(10_000)}`)).toHaveLength(10_000);
    expect(refusal(() => decode(`2${args(10_001)}`))).toBe("SOCKET_TOO_MANY_ARGUMENTS");
    expect(refusal(() => decode(`31${args(10_001)}`))).toBe("SOCKET_TOO_MANY_ARGUMENTS");
    expect(refusal(() => decode('2["e",1,2]', { maxArguments: 2 }))).toBe("SOCKET_TOO_MANY_ARGUMENTS");
  });

  test("event names", () => {
    expect(decode(`2["${"x".repeat(256)}"]`)).toHaveLength(1);
    expect(refusal(() => decode(`2["${"x".repeat(257)}"]`))).toBe("SOCKET_EVENT_NAME_TOO_LONG");
    expect(decode(`31["${"x".repeat(257)}"]`)).toHaveLength(1);
    expect(refusal(() => decode('2["abc"]', { maxEventNameLength: 2 }))).toBe("SOCKET_EVENT_NAME_TOO_LONG");
  });

  test("namespaces", () => {
    expect(new Decoder().decode(`0/${"x".repeat(255)},`)?.nsp).toHaveLength(256);
    expect(refusal(() => decode(`0/${"x".repeat(256)},`))).toBe("SOCKET_NAMESPACE_TOO_LONG");
    expect(refusal(() => decode(`2/${"x".repeat(256)}`))).toBe("SOCKET_NAMESPACE_TOO_LONG");
    expect(refusal(() => decode("0/abc,", { maxNamespaceLength: 3 }))).toBe("SOCKET_NAMESPACE_TOO_LONG");
  });

  test("attachments of one packet", () => {
    expect(decode('511-["e"]', { maxAttachments: 11 })).toBeUndefined();
    expect(refusal(() => decode('52-["e"]', { maxAttachments: 1 }))).toBe("SOCKET_TOO_MANY_ATTACHMENTS");
  });

  test("bytes of the attachments of one packet, counted together and afresh for the next", () => {
    const decoder = new Decoder({ maxAttachmentBytes: 4 });
    for (let round = 0; round < 2; round++) {
      decoder.decode('52-["e"]');
      decoder.decode(Buffer.alloc(3));
      expect(decoder.decode(Buffer.alloc(1))?.data).toStrictEqual(["e"]);
    }
    decoder.decode('52-["e"]');
    decoder.decode(Buffer.alloc(3));
    expect(refusal(() => decoder.decode(new Uint16Array(1) as unknown as Buffer))).toBe("SOCKET_ATTACHMENTS_TOO_LARGE");
    // The packet is dropped.
    expect(refusal(() => decoder.decode(Buffer.alloc(1)))).toBe("SOCKET_UNEXPECTED_BINARY");
  });

  test("an option that is undefined keeps its default", () => {
    expect(refusal(() => decode('511-["e"]', { maxAttachments: undefined }))).toBe("SOCKET_TOO_MANY_ATTACHMENTS");
  });
});
