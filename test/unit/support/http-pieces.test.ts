import { describe, expect, test } from "vitest";
import { HttpPieces } from "../../walls/http-pieces.ts";

type Shown = [kind: "head" | "rest", text: string, isLast: boolean];

/** What comes out of bytes that arrive in chunks of this size. */
function cut(side: "requests" | "answers", text: string, size: number): Shown[] {
  const pieces = new HttpPieces(side);
  const shown: Shown[] = [];
  for (let at = 0; at < text.length; at += size) {
    for (const { head, bytes, isLast } of pieces.add(Buffer.from(text.slice(at, at + size), "latin1"))) {
      shown.push([head ? "head" : "rest", bytes.toString("latin1"), isLast]);
    }
  }
  return shown;
}

const GET = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
const POST = "POST /b HTTP/1.1\r\nContent-Length: 5\r\n\r\n";
const CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const UPGRADE = "GET /c HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";

describe("pieces of HTTP", () => {
  test.each([
    ["requests", GET + POST + "hello" + GET, [true, false, true, true]],
    ["answers", CHUNKED + "3\r\nabc\r\n0\r\n\r\n" + CHUNKED, [false, false, false, false, true, false]],
    ["requests", UPGRADE + "\r\n\r\nraw", [false, false]],
    ["answers", "HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n", [true]],
    ["answers", "HTTP/1.1 101 Yes\r\n\r\nraw", [false, false]],
  ] as const)("%s in one chunk: %j", (side, text, lasts) => {
    const shown = cut(side, text, text.length);
    expect(shown.map(([, , isLast]) => isLast)).toEqual(lasts);
    expect(shown.map(([, piece]) => piece).join("")).toBe(text);
  });

  test.each([1, 2, 3, 7])("in chunks of %i bytes: the same heads, bytes and ends", (size) => {
    const text = POST + "hello" + GET + POST + "world";
    const shown = cut("requests", text, size);
    expect(shown.filter(([kind]) => kind === "head").map(([, piece]) => piece)).toEqual([POST, GET, POST]);
    expect(shown.map(([, piece]) => piece).join("")).toBe(text);
    expect(shown.filter(([, , isLast]) => isLast).length).toBe(3);
  });
});
