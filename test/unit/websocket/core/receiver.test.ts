import { describe, expect, it } from "vitest";
import { closeBody, frame, OPCODE, type FrameSpec } from "../../../support/raw/frames.ts";
import { allSplits, feed, Recorder } from "../recorder.ts";

/** A server-side recorder that has received `chunks`. */
function received(chunks: readonly Buffer[], limits = {}): Recorder {
  const recorder = new Recorder("server", limits);
  feed(recorder.connection, chunks);
  return recorder;
}

const frames = (...specs: FrameSpec[]): Buffer => Buffer.concat(specs.map(frame));
const LONG = "long ".repeat(60);

/**
 * Bytes from a client and the calls they cause, wherever they are split (RFC 6455, 5.6 and 6.2).
 */
const GOOD: readonly [what: string, bytes: Buffer, log: string[]][] = [
  ["the masked text of RFC 6455, 5.7", Buffer.from("818537fa213d7f9f4d5158", "hex"), ["text Hello"]],
  ["an empty text", Buffer.from("818000000000", "hex"), ["text"]],
  [
    "several messages",
    frames({ opcode: 1, payload: "a" }, { opcode: 2, payload: "b" }, { opcode: 1 }),
    ["text a", "binary 62", "text "],
  ],
  ["a 16 bit length", frames({ opcode: 1, payload: LONG }), [`text ${LONG}`]],
  ["characters of all sizes", frames({ opcode: 1, payload: "aé日😀" }), ["text aé日😀"]],
  [
    "fragments with control frames between (RFC 6455, 5.4)",
    frames(
      { opcode: 1, payload: "one ", fin: false },
      { opcode: 9, payload: "p" },
      { opcode: 0, payload: "two ", fin: false },
      { opcode: 10, payload: "q" },
      { opcode: 0, payload: "three" },
    ),
    ["ping p", "pong q", "text one two three"],
  ],
  [
    "empty fragments",
    frames(
      { opcode: 2, fin: false },
      { opcode: 0, fin: false },
      { opcode: 0, payload: "x" },
      { opcode: 1, payload: "y" },
    ),
    ["binary 78", "text y"],
  ],
  [
    "a character cut by fragments",
    frames(
      { opcode: 1, payload: Buffer.from("f09f", "hex"), fin: false },
      { opcode: 0, payload: Buffer.from("98", "hex"), fin: false },
      { opcode: 0, payload: Buffer.from("80", "hex") },
    ),
    ["text 😀"],
  ],
  [
    "a close frame, and nothing behind it",
    frames({ opcode: 8, payload: closeBody(4000, "é") }, { opcode: 1, payload: "late" }),
    ["closed 4000 é"],
  ],
  ["a close frame without a code", frames({ opcode: 8 }), ["closed 1005"]],
];

describe("receiver, at every split of the bytes", () => {
  it.each(GOOD)("reads %s", (_what, bytes, log) => {
    for (const chunks of allSplits(bytes)) {
      const calls = received(chunks).take();
      expect(calls.map((call) => call.trim())).toEqual(log.map((call) => call.trim()));
    }
  });
});

/** Bytes that fail a connection (RFC 6455, 5.1, 5.2, 5.4, 5.5, 8.1 and 10.7). */
const BAD: readonly [what: string, bytes: Buffer, end: string][] = [
  ["an unmasked frame", frame({ opcode: 1, payload: "a", masked: false }), "1002 WS_ERR_EXPECTED_MASK"],
  ["RSV1", frame({ opcode: 1, reserved: 4 }), "1002 WS_ERR_UNEXPECTED_RSV_1"],
  ["RSV2", frame({ opcode: 1, reserved: 2 }), "1002 WS_ERR_UNEXPECTED_RSV_2_3"],
  ["RSV3", frame({ opcode: 9, reserved: 1 }), "1002 WS_ERR_UNEXPECTED_RSV_2_3"],
  [
    "a 2 byte length of 125",
    frame({ opcode: 1, payload: "a".repeat(125), lengthBytes: 2 }),
    "1002 WS_ERR_INVALID_PAYLOAD_LENGTH",
  ],
  [
    "an 8 byte length of 126",
    frame({ opcode: 1, payload: "a".repeat(126), lengthBytes: 8 }),
    "1002 WS_ERR_INVALID_PAYLOAD_LENGTH",
  ],
  ["a length with its highest bit set", frame({ opcode: 1, claim: 1n << 63n }), "1002 WS_ERR_INVALID_PAYLOAD_LENGTH"],
  ["a length above 2^32", frame({ opcode: 1, claim: 2n ** 32n + 1n }), "1009 WS_ERR_UNSUPPORTED_MESSAGE_LENGTH"],
  ["a length above 2^53", frame({ opcode: 2, claim: 2n ** 62n }), "1009 WS_ERR_UNSUPPORTED_MESSAGE_LENGTH"],
  ["a continuation of nothing", frame({ opcode: 0, payload: "a" }), "1002 WS_ERR_INVALID_OPCODE"],
  ["a message inside a message", frames({ opcode: 1, fin: false }, { opcode: 1 }), "1002 WS_ERR_INVALID_OPCODE"],
  ["a fragmented ping", frame({ opcode: 9, fin: false }), "1002 WS_ERR_EXPECTED_FIN"],
  ["a ping of 126 bytes", frame({ opcode: 9, payload: "a".repeat(126) }), "1002 WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH"],
  ["a close frame of one byte", frame({ opcode: 8, payload: "a" }), "1002 WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH"],
  ["a reserved close code", frame({ opcode: 8, payload: closeBody(1006) }), "1002 WS_ERR_INVALID_CLOSE_CODE"],
  [
    "a close reason that is not UTF-8",
    frame({ opcode: 8, payload: Buffer.from("03e8ff", "hex") }),
    "1007 WS_ERR_INVALID_UTF8",
  ],
  ["text that is not UTF-8", frame({ opcode: 1, payload: Buffer.from("61ff", "hex") }), "1007 WS_ERR_INVALID_UTF8"],
  [
    "text that ends inside a character",
    frame({ opcode: 1, payload: Buffer.from("61e282", "hex") }),
    "1007 WS_ERR_INVALID_UTF8",
  ],
  [
    "fragments that end inside a character",
    frames({ opcode: 1, payload: Buffer.from("e282", "hex"), fin: false }, { opcode: 0 }),
    "1007 WS_ERR_INVALID_UTF8",
  ],
];

describe("receiver", () => {
  it.each(BAD)("refuses %s, at every split", (_what, bytes, end) => {
    for (const chunks of allSplits(bytes)) expect(received(chunks).take()).toEqual([`failed ${end}`]);
  });

  it.each([3, 4, 5, 6, 7, 11, 12, 13, 14, 15])("refuses opcode %i", (opcode) => {
    expect(received([frame({ opcode })]).take()).toEqual(["failed 1002 WS_ERR_INVALID_OPCODE"]);
  });

  it.each([0, 1, 124, 125, 126, 127, 65534, 65535, 65536, 65537, 200_000])("reads payloads of %i bytes", (length) => {
    const payload = Buffer.from(Array.from({ length }, (_, at) => (at * 7) & 0xff));
    const bytes = frame({ opcode: OPCODE.binary, payload });
    const cuts = [[bytes], [bytes.subarray(0, 3), bytes.subarray(3)], [bytes.subarray(0, -1), bytes.subarray(-1)]];
    for (const chunks of cuts) expect(received(chunks).binaries[0]?.equals(payload)).toBe(true);
  });

  it("refuses frames that a server must not send, as a client (RFC 6455, 5.1 and 10.7)", () => {
    const recorder = new Recorder("client");
    feed(recorder.connection, [
      frame({ opcode: 1, payload: "fine", masked: false }),
      frame({ opcode: 1, payload: "no" }),
    ]);
    expect(recorder.take()).toEqual(["text fine", "failed 1002 WS_ERR_UNEXPECTED_MASK"]);
  });

  it("refuses a bad first byte before the rest of the header has arrived", () => {
    expect(received([frame({ opcode: 1, payload: LONG, reserved: 4 }).subarray(0, 2)]).take()).toHaveLength(1);
  });

  it("refuses a message that announces too much, with any fragments (RFC 6455, 10.4)", () => {
    const limits = { maxPayload: 10 };
    const tooBig = ["failed 1009 WS_ERR_UNSUPPORTED_MESSAGE_LENGTH"];
    expect(received([frame({ opcode: 2, payload: "0123456789" })], limits).take()).toHaveLength(1);
    expect(received([frame({ opcode: 2, payload: "0123456789a" }).subarray(0, 6)], limits).take()).toEqual(tooBig);
    const parts = frames({ opcode: 2, payload: "012345", fin: false }, { opcode: 0, payload: "67890" });
    expect(received([parts], limits).take()).toEqual(tooBig);
    const twice = frames({ opcode: 2, payload: "0123456789" }, { opcode: 2, payload: "0123456789" });
    expect(received([twice], limits).take()).toHaveLength(2);
  });

  it("refuses messages with too many fragments, empty ones included", () => {
    const part = frame({ opcode: 0, fin: false });
    const bytes = Buffer.concat([frame({ opcode: 1, fin: false }), part, part, part]);
    expect(received([bytes], { maxFragments: 4 }).take()).toEqual([]);
    expect(received([bytes], { maxFragments: 3 }).take()).toEqual(["failed 1008 WS_ERR_TOO_MANY_BUFFERED_PARTS"]);
  });

  it("refuses text inside an unfinished fragment as soon as it cannot become valid", () => {
    const unfinished = frame({ opcode: 1, payload: Buffer.from("6162c3", "hex"), fin: false });
    expect(received([unfinished]).take()).toEqual([]);
    const wrong = frame({ opcode: 1, payload: Buffer.concat([Buffer.from("6162c328", "hex"), Buffer.alloc(50)]) });
    expect(received([wrong.subarray(0, 9)]).take()).toEqual([]);
    expect(received([wrong.subarray(0, 10)]).take()).toEqual(["failed 1007 WS_ERR_INVALID_UTF8"]);
  });

  it("delivers binaries that do not retain a large read chunk", () => {
    const small = frame({ opcode: 2, payload: "small" });
    const { binaries } = received([Buffer.concat([small, Buffer.alloc(60_000)])]);
    expect(binaries[0]!.buffer.byteLength).toBeLessThan(30_000);
  });
});

describe("receiver, paused", () => {
  const BYTES = frames({ opcode: 1, payload: "1" }, { opcode: 1, payload: "2" }, { opcode: 1, payload: "3" });

  it("stops delivery from the next message on, and buffers data that arrives meanwhile", () => {
    const recorder = new Recorder();
    recorder.onMessage = () => recorder.connection.pause();
    expect(recorder.connection.receive(Buffer.from(BYTES))).toBe(false);
    expect(recorder.take()).toEqual(["text 1"]);
    recorder.connection.receive(frame({ opcode: 1, payload: "4" }));
    expect(recorder.take()).toEqual([]);
    recorder.onMessage = () => undefined;
    recorder.connection.resume();
    expect(recorder.take()).toEqual(["text 2", "text 3", "text 4"]);
    expect(recorder.connection.receive(frame({ opcode: 1, payload: "5" }))).toBe(true);
  });

  it("may be paused and resumed from inside a message", () => {
    const recorder = new Recorder();
    recorder.onMessage = () => {
      recorder.connection.pause();
      recorder.connection.resume();
    };
    feed(recorder.connection, [BYTES]);
    expect(recorder.take().sort()).toEqual(["text 1", "text 2", "text 3"]);
  });

  it("loses nothing when a handler throws", () => {
    const recorder = new Recorder();
    recorder.onMessage = () => {
      recorder.onMessage = () => undefined;
      throw new Error("from the application");
    };
    expect(() => recorder.connection.receive(Buffer.from(BYTES))).toThrow("from the application");
    expect(recorder.connection.isPaused).toBe(true);
    recorder.connection.resume();
    expect(recorder.take()).toEqual(["text 2", "text 3"]);
  });

  it("reads bytes passed from inside a message after the current ones", () => {
    const recorder = new Recorder();
    recorder.onMessage = () => {
      recorder.onMessage = () => undefined;
      recorder.connection.receive(frame({ opcode: 1, payload: "4" }));
    };
    feed(recorder.connection, [BYTES]);
    expect(recorder.take()).toEqual(["text 1", "text 2", "text 3", "text 4"]);
  });

  it("stops at once when the connection is aborted from inside a message", () => {
    const recorder = new Recorder();
    recorder.onMessage = () => recorder.connection.abort();
    feed(recorder.connection, [BYTES, BYTES]);
    expect(recorder.take()).toEqual(["text 1"]);
  });
});
