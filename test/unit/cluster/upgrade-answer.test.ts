import { expect, test } from "vitest";
import { readAnswer, readAnswerBody } from "../../../packages/cluster/src/core/upgrade-answer.ts";

const ACCEPTED =
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Accept: x\r\nSec-WebSocket-Extensions: permessage-deflate\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\n\r\n";

test("an accepted handshake loses the headers that HTTP/2 refuses", () => {
  expect(readAnswer(Buffer.from(`${ACCEPTED}frames`))).toEqual({
    status: 101,
    headers: { "sec-websocket-extensions": "permessage-deflate", "set-cookie": ["a=1", "b=2"] },
    size: ACCEPTED.length,
    isChunked: false,
  });
});

test("a head is incomplete up to its last byte", () => {
  for (let size = 0; size < ACCEPTED.length; size++) {
    expect(readAnswer(Buffer.from(ACCEPTED.slice(0, size)))).toBe("incomplete");
  }
});

test.each([
  ["no status line", "hello\r\n\r\n"],
  ["an interim status", "HTTP/1.1 100 Continue\r\n\r\n"],
  ["another interim status", "HTTP/1.1 103 Early Hints\r\n\r\n"],
  ["a status of four digits", "HTTP/1.1 1010 X\r\n\r\n"],
  ["a status that does not exist", "HTTP/1.1 999 X\r\n\r\n"],
  ["another version", "HTTP/2 200 OK\r\n\r\n"],
  ["a header without a colon", "HTTP/1.1 400 X\r\nabc\r\n\r\n"],
  ["a header without a name", "HTTP/1.1 400 X\r\n: abc\r\n\r\n"],
  ["an endless head", "HTTP/1.1 400 X\r\n" + "a".repeat(20_000)],
])("%s is malformed", (_what, text) => {
  expect(readAnswer(Buffer.from(text))).toBe("malformed");
});

const bodyOf = (text: string) => readAnswerBody(Buffer.from(text), true)?.toString();

test("chunks of a body", () => {
  expect(readAnswerBody(Buffer.from("abc"), false)?.toString()).toBe("abc");
  expect(bodyOf("0\r\n\r\n")).toBe("");
  expect(bodyOf("3\r\nabc\r\n0\r\n\r\n")).toBe("abc");
  expect(bodyOf("3;x=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n")).toBe("abc0123456789");
});

test.each([
  "",
  "3\r\nab",
  "3\r\nabc\r\n",
  "x\r\nabc\r\n0\r\n\r\n",
  "-1\r\n\r\n",
  "ffffffffff\r\n",
  "fffffff\r\nabc\r\n",
])("malformed chunks: %j", (text) => {
  expect(bodyOf(text)).toBeUndefined();
});
