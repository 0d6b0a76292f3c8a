import { expect, test } from "vitest";
import { encodedSize, takeFitting } from "../../../../packages/client/src/engine/write-buffer.ts";
import { encodePayload, type Packet } from "@portage/parser/engine";

const BYTES = new Uint8Array(10);
const packets: Packet[] = ["a", "é", "€", "😀", undefined, BYTES, BYTES.buffer, "x".repeat(50)].map((data) => ({
  type: "message",
  data,
}));

function bodySize(batch: readonly Packet[]): number {
  let size = -1;
  encodePayload(batch, (body) => (size = Buffer.byteLength(body)));
  return size;
}

test("the size of a packet is its size on the wire", () => {
  for (const packet of packets) expect(encodedSize(packet.data, true)).toBe(bodySize([packet]));
  expect(encodedSize(BYTES, false)).toBe(10);
  expect(encodedSize(new Blob([BYTES]), false)).toBe(10);
});

test("a batch is the longest that fits, or one packet that does not", () => {
  for (let limit = 1; limit < 130; limit++) {
    const batch = takeFitting(packets, limit);
    expect(batch).toEqual(packets.slice(0, batch.length));
    if (batch.length > 1) expect(bodySize(batch)).toBeLessThanOrEqual(limit);
    const longer = packets.slice(0, batch.length + 1);
    if (longer.length > batch.length) expect(bodySize(longer)).toBeGreaterThan(limit);
  }
});

test("packets beyond the limit are not read, however many", () => {
  let looks = 0;
  const waiting = Array.from({ length: 10_000 }, (): Packet => {
    return Object.defineProperty({ type: "message" }, "data", { get: () => (looks++, "x".repeat(10)) }) as Packet;
  });
  expect(takeFitting(waiting, 100)).toHaveLength(8);
  expect(looks).toBeLessThan(20);
});
