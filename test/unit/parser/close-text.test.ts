import { expect, test } from "vitest";
import {
  readClosePacket,
  readCloseCode,
  readRetry,
  readRetryAfter,
  writeClosePacket,
  writeCloseText,
} from "../../../packages/parser/src/engine/close-text.ts";
import { ALL_CLOSE_CODES, DISCONNECT_CODES } from "../../../packages/server/src/socketio/report/close-codes.ts";
import { REFUSALS } from "../../../packages/server/src/engine/report/refusals.ts";
import { ALL_LIMIT_CODES } from "../../../packages/server/src/socketio/report/limit-codes.ts";
import { VIOLATIONS } from "../../../packages/websocket/src/core/violations.ts";

const CODES = Object.keys({ ...ALL_CLOSE_CODES, ...ALL_LIMIT_CODES, ...DISCONNECT_CODES });
const LONGEST_RULE = Object.keys(VIOLATIONS).sort((a, b) => b.length - a.length)[0]!;

test.each(CODES)("%s is read back, with any details", (code) => {
  const retryAfter = 3_600_000;
  const variants = [
    {},
    { limit: 5 },
    { limit: 5, actual: 6 },
    { limit: Number.MAX_VALUE, actual: Number.MIN_VALUE },
    { rule: "SOCKET_TOO_DEEP" },
    { rule: LONGEST_RULE },
  ];
  for (const variant of variants) {
    const text = writeCloseText({ code, ...variant });
    expect(readCloseCode(text)).toBe(code);
    expect(readRetryAfter(text)).toBe(0);
    const asking = writeCloseText({ code, ...variant, retryAfter });
    expect(readCloseCode(asking)).toBe(code);
    expect(readRetryAfter(asking)).toBe(retryAfter);
    expect(Buffer.byteLength(asking)).toBeLessThanOrEqual(123);
    expect(readClosePacket(writeClosePacket(1008, asking))).toEqual({ code: 1008, reason: asking });
  }
});

test.each(Object.entries(ALL_CLOSE_CODES))("%s says whether to connect again", (_code, { webSocketCode, retry }) => {
  const packet = readClosePacket(writeClosePacket(webSocketCode, "text"));
  expect(readRetry(packet?.code)).toBe(retry);
});

test("without a close code, a client connects again", () => expect(readRetry(undefined)).toBe("yes"));

/** Refusals of requests within a session, after which the client asks for a new one; and of what is not a client of Socket.IO. */
const NOT_FOR_NEWCOMERS = /^OWNER_LOST$|UNKNOWN_SID|MISMATCH|^CARRY_|PAYLOAD|^METHOD_NOT_ALLOWED$/;

test.each(Object.entries(REFUSALS).filter(([name]) => !NOT_FOR_NEWCOMERS.test(name)))(
  "%s says whether to connect again, by its status",
  (_name, { status, retry }) => expect(readRetry(status)).toBe(retry),
);

test.each([1000, 1006, 1009, 4000, 4001, 4003, 4503, 40_013, 404, 413, 502])(
  "%d asks neither to stay away nor to wait",
  (code) => expect(readRetry(code)).toBe("yes"),
);

test.each([
  ["TOO_MANY_EVENTS: 6 of 5", { code: "TOO_MANY_EVENTS", limit: 5, actual: 6 }],
  ["POST_LATE: limit 30000", { code: "POST_LATE", limit: 30_000 }],
  ["INVALID_MESSAGE: SOCKET_TOO_DEEP", { code: "INVALID_MESSAGE", rule: "SOCKET_TOO_DEEP" }],
  ["SERVER_DRAINING retry-after=2000", { code: "SERVER_DRAINING", retryAfter: 2000 }],
])("readable text: %s", (text, said) => expect(writeCloseText(said)).toBe(text));

test("drops details that do not fit, not the code or the time", () => {
  const text = writeCloseText({ code: "SLOW_READER", rule: "R".repeat(200), retryAfter: 5 });
  expect(text).toBe("SLOW_READER retry-after=5");
});

test.each([
  undefined,
  "",
  "bye",
  "try again later",
  "Going away",
  "overloaded retry-after=2000",
  "the message exceeds maxPayload or the longest string",
  "SERVER_DRAINING, and more",
])("a text without a code: %s", (text) => expect(readCloseCode(text)).toBeUndefined());
