import { describe, expect, test } from "vitest";
import {
  decodeCredit,
  encodeCredit,
  ReceiveCredit,
  SendCredit,
  WINDOW,
} from "../../../packages/cluster/src/core/credit.ts";
import { MAX_DATA, MAX_FRAME } from "../../../packages/cluster/src/core/frames.ts";
import { FRONT_TABLE } from "../../../packages/cluster/src/core/front-table.ts";
import {
  decodeAnswer,
  decodeRequest,
  encodeAnswer,
  encodeRequest,
  MAX_HEAD,
  type RequestHead,
} from "../../../packages/cluster/src/core/heads.ts";
import { OWNER_TABLE } from "../../../packages/cluster/src/core/owner-table.ts";
import { decodeReset, encodeReset } from "../../../packages/cluster/src/core/reset.ts";
import { Random } from "../../support/random.ts";

type Cells = Readonly<Record<string, Readonly<Record<string, readonly [string, string]>>>>;

const walk = (table: Cells): Record<string, string[]> =>
  Object.fromEntries(
    Object.entries(table).map(([phase, cells]) => [
      phase,
      Object.entries(cells).map(([signal, [next, action]]) =>
        next === phase ? `${signal}: ${action}` : `${signal}: ${action}, ${next}`,
      ),
    ]),
  );

const ended = (signals: readonly string[]): string[] => signals.map((signal) => `${signal}: ignore`);

describe("an exchange at its front", () => {
  test("does this for each signal in each phase", () => {
    expect(walk(FRONT_TABLE)).toEqual({
      sending: [
        "sent: ignore, waiting",
        "answer: write answer, ending",
        "begin: write head, answering",
        "data: fail",
        "fin: fail",
        "reset: replace, over",
        "unusable: drop, over",
        "closed: abort, over",
        "unlinked: replace, over",
        "leave: ignore",
      ],
      waiting: [
        "sent: ignore",
        "answer: write answer, ending",
        "begin: write head, answering",
        "data: fail",
        "fin: fail",
        "reset: replace, over",
        "unusable: drop, over",
        "closed: abort, over",
        "unlinked: replace, over",
        "leave: release",
      ],
      answering: [
        "sent: ignore",
        "answer: fail",
        "begin: fail",
        "data: write",
        "fin: end, ending",
        "reset: cut, over",
        "unusable: drop, over",
        "closed: report loss, over",
        "unlinked: cut, over",
        "leave: release",
      ],
      ending: [
        "sent: ignore",
        "answer: fail",
        "begin: fail",
        "data: fail",
        "fin: fail",
        "reset: cut, over",
        "unusable: drop, over",
        "closed: report, over",
        "unlinked: ignore, over",
        "leave: ignore",
      ],
      over: ended(["sent", "answer", "begin", "data", "fin", "reset", "unusable", "closed", "unlinked", "leave"]),
    });
  });

  test("ends by each way to end, from every phase", () => {
    for (const cells of Object.values(FRONT_TABLE))
      for (const signal of ["reset", "unusable", "closed", "unlinked"] as const) expect(cells[signal][0]).toBe("over");
  });
});

describe("an exchange at its owner", () => {
  test("does this for each signal in each phase", () => {
    expect(walk(OWNER_TABLE)).toEqual({
      receiving: [
        "data: push",
        "fin: complete, handling",
        "abort: abort, over",
        "done: fail",
        "lost: fail",
        "release: ignore",
        "credit: fail",
        "begin: ignore, answering",
        "sent: ignore",
        "destroy: reset, over",
        "unlinked: forget, over",
      ],
      handling: [
        "data: fail",
        "fin: fail",
        "abort: abort, over",
        "done: fail",
        "lost: fail",
        "release: release",
        "credit: fail",
        "begin: ignore, answering",
        "sent: ignore",
        "destroy: reset, over",
        "unlinked: forget, over",
      ],
      answering: [
        "data: ignore",
        "fin: ignore",
        "abort: lose, over",
        "done: fail",
        "lost: lose, over",
        "release: release",
        "credit: proceed",
        "begin: ignore",
        "sent: ignore, answered",
        "destroy: reset, over",
        "unlinked: lose, over",
      ],
      answered: [
        "data: ignore",
        "fin: ignore",
        "abort: lose, over",
        "done: finish, over",
        "lost: lose, over",
        "release: ignore",
        "credit: ignore",
        "begin: ignore",
        "sent: ignore",
        "destroy: reset, over",
        "unlinked: lose, over",
      ],
      over: ended([
        "data",
        "fin",
        "abort",
        "done",
        "lost",
        "release",
        "credit",
        "begin",
        "sent",
        "destroy",
        "unlinked",
      ]),
    });
  });

  test("ends by each way to end, from every phase", () => {
    for (const cells of Object.values(OWNER_TABLE))
      for (const signal of ["abort", "destroy", "unlinked"] as const) expect(cells[signal][0]).toBe("over");
  });
});

const HEAD: RequestHead = {
  method: "POST",
  url: "/socket.io/?EIO=4&sid=\u00e9",
  httpVersion: "1.1",
  rawHeaders: ["Host", "a.example", "X-Empty", "", "x-tab", "a\tb", "X-High", "\u00ff"],
  peer: { address: "::1", port: 65_535, isEncrypted: true },
  hasMore: true,
};

describe("heads", () => {
  test.each([
    [HEAD, "first"],
    [{ ...HEAD, hasMore: false, peer: { address: "", port: 0, isEncrypted: false } }, ""],
    [{ ...HEAD, rawHeaders: [] }, "\n\n"],
  ])("of requests arrive as they were sent", (head, first) => {
    const body = Buffer.concat([encodeRequest(head)!, Buffer.from(first)]);
    expect(decodeRequest(body)).toEqual({ head, first: Buffer.from(first) });
  });

  test.each<[string, Partial<RequestHead>]>([
    ["a line break in the URL", { url: "/a\nb" }],
    ["a line break in a value", { rawHeaders: ["a", "b\nc"] }],
    ["a character whose lower byte is a line break", { url: "/\u010a" }],
    ["a control character in a value", { rawHeaders: ["a", "b\u0001"] }],
    ["a space in a name", { rawHeaders: ["a b", "c"] }],
    ["a method that is not a token", { method: "GET /" }],
    ["an endless method", { method: "A".repeat(33) }],
    ["an odd version", { httpVersion: "2" }],
    ["no URL", { url: "" }],
  ])("with %s are not encoded, as the owner would end the link", (_what, part) => {
    expect(encodeRequest({ ...HEAD, ...part })).toBeUndefined();
  });

  test.each(["M-SEARCH", "get", "X_1"])("with the method %s arrive", (method) => {
    expect(decodeRequest(encodeRequest({ ...HEAD, method })!)?.head.method).toBe(method);
  });

  test("of answers arrive without what belongs to the connection", () => {
    const text =
      "HTTP/1.1 404 Not here\r\nContent-Type: text/html\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Colon: a: b\r\n" +
      "Date: now\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nTransfer-Encoding: chunked\r\n\r\n";
    const decoded = decodeAnswer(Buffer.concat([encodeAnswer(text, true)!, Buffer.from("body")]))!;
    expect(decoded.head).toEqual({
      status: 404,
      message: "Not here",
      headers: ["Content-Type", "text/html", "Set-Cookie", "a=1", "Set-Cookie", "b=2", "X-Colon", "a: b"],
      hasMore: true,
    });
    expect(decoded.first.toString()).toBe("body");
    expect(decodeAnswer(encodeAnswer("HTTP/1.1 200 \r\n\r\n", false)!)!.head).toMatchObject({
      status: 200,
      message: "",
    });
  });

  test("that are cut anywhere are refused", () => {
    const request = encodeRequest(HEAD)!;
    const answer = encodeAnswer("HTTP/1.1 200 OK\r\na: b\r\n\r\n", false)!;
    for (let i = 0; i < request.length; i++) expect(decodeRequest(request.subarray(0, i))).toBeUndefined();
    for (let i = 0; i < answer.length; i++) expect(decodeAnswer(answer.subarray(0, i))).toBeUndefined();
  });

  const withHead = (...lines: string[]): Buffer => {
    const text = Buffer.from(lines.join("\n"), "latin1");
    const length = Buffer.alloc(4);
    length.writeUInt32BE(text.length);
    return Buffer.concat([length, text]);
  };

  test.each([
    ["too few fields", ["m", "GET", "/", "1.1", "::1"]],
    ["an unknown flag", ["x", "GET", "/", "1.1", "::1", "1"]],
    ["flags in another order", ["tm", "GET", "/", "1.1", "::1", "1"]],
    ["a space in the method", ["", "GET ", "/", "1.1", "::1", "1"]],
    ["no URL", ["", "GET", "", "1.1", "::1", "1"]],
    ["a control character in the URL", ["", "GET", "/\r", "1.1", "::1", "1"]],
    ["an odd version", ["", "GET", "/", "one", "::1", "1"]],
    ["an odd port", ["", "GET", "/", "1.1", "::1", "-1"]],
    ["a name without a value", ["", "GET", "/", "1.1", "::1", "1", "a"]],
    ["an empty name", ["", "GET", "/", "1.1", "::1", "1", "", "b"]],
    ["a space in a name", ["", "GET", "/", "1.1", "::1", "1", "a b", "c"]],
    ["a control character in a value", ["", "GET", "/", "1.1", "::1", "1", "a", "b\r"]],
  ])("of requests with %s are refused", (_what, lines) => expect(decodeRequest(withHead(...lines))).toBeUndefined());

  test.each([
    ["too few fields", ["m", "200"]],
    ["an unknown flag", ["t", "200", "OK"]],
    ["an informational status", ["", "101", "OK"]],
    ["an odd status", ["", "2000", "OK"]],
    ["a control character in the message", ["", "200", "O\u0000K"]],
    ["a name without a value", ["", "200", "OK", "a"]],
    ["a header of the connection", ["", "200", "OK", "Transfer-Encoding", "chunked"]],
  ])("of answers with %s are refused", (_what, lines) => expect(decodeAnswer(withHead(...lines))).toBeUndefined());

  test("that do not fit into a frame, or of informational answers, are not sent", () => {
    const long = "x".repeat(MAX_HEAD);
    expect(encodeRequest({ ...HEAD, rawHeaders: ["a", long] })).toBeUndefined();
    expect(encodeAnswer(`HTTP/1.1 200 OK\r\na: ${long}\r\n\r\n`, false)).toBeUndefined();
    const { length } = encodeRequest({ ...HEAD, rawHeaders: ["a", ""] })!;
    const longest = encodeRequest({ ...HEAD, rawHeaders: ["a", "x".repeat(MAX_HEAD - length + 4)] })!;
    expect(longest.length + MAX_DATA).toBe(MAX_FRAME);
    for (const status of [100, 103, 199]) expect(encodeAnswer(`HTTP/1.1 ${status} OK\r\n\r\n`, false)).toBeUndefined();
  });

  test("made of anything do not throw", () => {
    const random = new Random(7);
    for (let round = 0; round < 3000; round++) {
      const bytes = encodeRequest(HEAD)!;
      for (let i = 0; i <= round % 5; i++) bytes[random.below(bytes.length)] = random.below(256);
      decodeRequest(bytes);
      decodeAnswer(bytes);
    }
  });
});

describe("credit", () => {
  test("is spent by the sender and given back in halves of a window", () => {
    const sender = new SendCredit();
    const receiver = new ReceiveCredit();
    sender.spend(WINDOW);
    expect(sender.left).toBe(0);
    expect(receiver.receive(WINDOW)).toBe(true);
    expect(receiver.passOn(WINDOW / 2 - 1)).toBe(0);
    expect(receiver.passOn(1)).toBe(WINDOW / 2);
    expect(sender.add(WINDOW / 2)).toBe(true);
    expect(receiver.receive(WINDOW / 2)).toBe(true);
    expect(receiver.receive(1)).toBe(false);
  });

  test("that was never owed is refused", () => {
    const sender = new SendCredit();
    expect(sender.add(1)).toBe(false);
    sender.spend(10);
    expect([sender.add(0), sender.add(11), sender.add(10)]).toEqual([false, false, true]);
  });

  test("has four bytes on the wire", () => {
    expect(decodeCredit(encodeCredit(WINDOW))).toBe(WINDOW);
    for (const body of [Buffer.alloc(0), Buffer.alloc(3), Buffer.alloc(5, 1)]) expect(decodeCredit(body)).toBe(0);
  });
});

test("codes of RESET", () => {
  for (const code of ["destroyed", "overloaded"] as const) expect(decodeReset(encodeReset(code))).toBe(code);
  for (const body of [Buffer.alloc(0), Buffer.of(0), Buffer.of(9), Buffer.of(1, 1)])
    expect(decodeReset(body)).toBeUndefined();
});
