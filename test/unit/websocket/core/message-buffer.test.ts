import { describe, expect, it } from "vitest";
import { MessageBuffer } from "../../../../packages/websocket/src/core/frames/message-buffer.ts";

describe("MessageBuffer", () => {
  it("joins pieces of any size", () => {
    const bytes = Buffer.from(Array.from({ length: 20_000 }, (_, at) => at & 0xff));
    for (const size of [1, 7, 4096, 19_999, 20_000]) {
      const gathered = new MessageBuffer();
      for (let at = 0; at < bytes.length; at += size) {
        gathered.append(bytes, at, Math.min(at + size, bytes.length), bytes.length);
      }
      expect(gathered.size).toBe(bytes.length);
      expect(gathered.take().equals(bytes)).toBe(true);
    }
  });

  it("allocates for the bytes received, not for the announced length", () => {
    const gathered = new MessageBuffer();
    gathered.append(Buffer.alloc(10), 0, 10, 1024 * 1024 * 1024);
    expect(gathered.bytes.length).toBeLessThanOrEqual(4096);
  });

  it("returns a buffer that is more than half full", () => {
    const gathered = new MessageBuffer();
    gathered.append(Buffer.alloc(5000, 1), 0, 5000, 1024 * 1024);
    expect(gathered.take().buffer.byteLength).toBeLessThanOrEqual(10_000);
  });

  it("returns its bytes as text if they are valid", () => {
    const gathered = new MessageBuffer();
    gathered.append(Buffer.from("日本"), 0, 5, 6);
    expect(gathered.toText()).toBeUndefined();
    gathered.append(Buffer.from("日本"), 5, 6, 6);
    expect(gathered.toText()).toBe("日本");
  });

  it("does not copy everything for each of many pieces of unknown number", () => {
    const gathered = new MessageBuffer();
    const buffers = new Set<Buffer>();
    for (let size = 64; size <= 64 * 4096; size += 64) {
      gathered.append(Buffer.alloc(64), 0, 64, size);
      buffers.add(gathered.bytes);
    }
    expect(buffers.size).toBeLessThan(20);
  });
});
