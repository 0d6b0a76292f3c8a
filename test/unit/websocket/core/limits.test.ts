import { constants } from "node:buffer";
import { describe, expect, it } from "vitest";
import { DEFAULT_LIMITS, limitsOf } from "../../../../packages/websocket/src/core/limits.ts";
import { frame } from "../../../support/raw/frames.ts";
import { Recorder } from "../recorder.ts";

describe("limitsOf", () => {
  it("fills in the defaults", () => {
    expect(limitsOf({})).toEqual(DEFAULT_LIMITS);
    expect(limitsOf({ maxPayload: 5, maxControlFramesPerSecond: 6 })).toMatchObject({
      maxPayload: 5,
      maxControlFramesPerSecond: 6,
      fragmentBytes: DEFAULT_LIMITS.fragmentBytes,
    });
  });

  it("limits a message to the longest buffer", () => {
    expect(limitsOf({ maxPayload: Infinity }).maxPayload).toBe(constants.MAX_LENGTH);
  });
});

/** The end of a connection that receives a message of `count` fragments of `size` bytes. */
function end(count: number, size: number, maxFragments?: number): string {
  const recorder = new Recorder("server", limitsOf(maxFragments === undefined ? {} : { maxFragments }));
  for (let at = 0; at < count; at++) {
    const fin = at === count - 1;
    recorder.connection.receive(frame({ opcode: at === 0 ? 2 : 0, payload: Buffer.alloc(size), fin }));
  }
  return recorder.take().at(-1)!.split(" ").at(-1)!.slice(0, 30);
}

describe("the limit of fragments", () => {
  it("does not count non-empty fragments by default", () => {
    expect(end(10_000, 64)).toMatch(/^0+$/);
  });

  it.each([0, 1, 20])("refuses thousands of fragments of %i bytes", (size) => {
    expect(end(10_000, size)).toBe("WS_ERR_TOO_MANY_BUFFERED_PARTS");
  });

  it("is exact when it is set", () => {
    expect(end(20, 1000, 20)).toMatch(/^0+$/);
    expect(end(21, 1000, 20)).toBe("WS_ERR_TOO_MANY_BUFFERED_PARTS");
  });
});
