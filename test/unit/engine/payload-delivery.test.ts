import { EnginePacket, readPayloadV4 } from "@portage/parser/engine";
import { describe, expect, test } from "vitest";
import { deliverPayload } from "../../../packages/server/src/engine/transports/payload-delivery.ts";

const packets = (count: number): EnginePacket[] =>
  Array.from({ length: count }, (_, index) => new EnginePacket("message", String(index)));
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Delivers packets and notes them; stops at `last`. */
function deliver(count: number, last = "") {
  const got: string[] = [];
  const ends: number[] = [];
  deliverPayload(packets(count).values(), {
    onPacket: ({ data }) => got.push(String(data)) > 0 && data !== last,
    onDelivered: () => ends.push(got.length),
  });
  return { got, ends };
}

describe("the packets of a payload", () => {
  test("are delivered at once when they are few", () => {
    expect(deliver(499).ends).toEqual([499]);
    expect(deliver(0).ends).toEqual([0]);
  });

  test("leave room for others when they are many, and keep their order", async () => {
    const { got, ends } = deliver(1700);
    expect(got).toHaveLength(500);
    await turn();
    expect(got).toHaveLength(1000);
    await turn();
    await turn();
    expect(ends).toEqual([1700]);
    expect(got).toEqual(packets(1700).map(({ data }) => data));
  });

  test("are decoded a slice at a time", async () => {
    let decoded = 0;
    const endless = (function* () {
      while (true) yield new EnginePacket("message", String(decoded++));
    })();
    deliverPayload(endless, { onPacket: () => decoded < 700, onDelivered() {} });
    expect(decoded).toBe(500);
    await turn();
    expect(decoded).toBe(700);
  });

  test("are delivered up to a malformed one, which is reported after them", () => {
    const got: unknown[] = [];
    deliverPayload(readPayloadV4("4a\x1e4b\x1ex"), {
      onPacket: ({ data }) => got.push(data) > 0,
      onDelivered: (failure) => got.push(failure),
    });
    expect(got).toEqual(["a", "b", expect.objectContaining({ code: "ENGINE_UNKNOWN_PACKET_TYPE" })]);
  });

  test("are delivered up to the last one wanted", async () => {
    const { got, ends } = deliver(1700, "600");
    await turn();
    await turn();
    expect(got).toHaveLength(601);
    expect(ends).toEqual([601]);
  });
});
