import * as reference from "socket.io-parser";
import { describe, expect, test } from "vitest";
import { isPacketValid, type Packet, PacketType, protocol } from "@portage/parser";

describe("packet types", () => {
  test("numbers and names, both ways, as in the reference", () => {
    expect(protocol).toBe(reference.protocol);
    expect(PacketType).toStrictEqual({ ...reference.PacketType });
    expect(PacketType[PacketType.EVENT]).toBe("EVENT");
  });
});

describe("isPacketValid", () => {
  const data = [
    undefined,
    null,
    "a",
    1,
    {},
    [],
    ["a"],
    [1],
    [null],
    ["connect"],
    ["newListener"],
    [true],
    new Map(),
    [[]],
  ];

  test("agrees with the reference on every type with all kinds of data", () => {
    for (const type of [-1, 0, 1, 2, 3, 4, 5, 6, 7, undefined, "2", NaN]) {
      for (const content of data) {
        const packet = { type, nsp: "/", data: content } as unknown as Packet;
        expect([type, content, isPacketValid(packet)]).toStrictEqual([
          type,
          content,
          reference.isPacketValid(packet as never),
        ]);
      }
    }
  });

  test("agrees with the reference on namespaces and ids", () => {
    for (const nsp of ["/", "/a", "", undefined, 1]) {
      for (const id of [undefined, 0, 1, -1, 1.5, "1", null, NaN]) {
        const packet = { type: 2, nsp, id, data: ["a"] } as unknown as Packet;
        expect([nsp, id, isPacketValid(packet)]).toStrictEqual([nsp, id, reference.isPacketValid(packet as never)]);
      }
    }
  });
});
