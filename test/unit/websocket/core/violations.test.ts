import { describe, expect, it } from "vitest";
import { isValidCloseCode, MAX_REASON_BYTES } from "../../../../packages/websocket/src/core/frames/close-code.ts";
import { type ViolationCode, VIOLATIONS, WebSocketError } from "../../../../packages/websocket/src/core/violations.ts";

const CODES = Object.keys(VIOLATIONS) as ViolationCode[];

describe("violations", () => {
  it.each(CODES)("%s has a valid close code and a sentence of at most 80 characters", (code) => {
    const { closeCode, message } = VIOLATIONS[code];
    expect(code).toMatch(/^WS_ERR_[A-Z0-9_]+$/);
    expect(isValidCloseCode(closeCode)).toBe(true);
    expect(message.length).toBeGreaterThan(0);
    expect(message.length).toBeLessThanOrEqual(80);
    expect(Buffer.byteLength(message)).toBeLessThanOrEqual(MAX_REASON_BYTES);
  });

  it("become errors that carry both codes", () => {
    const error = new WebSocketError("WS_ERR_INVALID_UTF8");
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: "WebSocketError", code: "WS_ERR_INVALID_UTF8", closeCode: 1007 });
    expect(error.message).toBe(VIOLATIONS.WS_ERR_INVALID_UTF8.message);
  });
});
