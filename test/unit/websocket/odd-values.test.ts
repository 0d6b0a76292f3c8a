import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import {
  acceptUpgrade,
  frameBinary,
  frameText,
  type LinkHandler,
  refuseUpgrade,
} from "../../../packages/websocket/src/index.ts";
import { frame } from "../../support/raw/frames.ts";
import { turn } from "../../support/waiting.ts";
import { MemoryStream } from "./memory-stream.ts";

// Odd values in the functions that `ws` lacks. A program's mistake throws at the call, with a code,
// or means the default. Nothing malformed is sent.

const VALUES: [name: string, value: unknown][] = [
  ["0", 0],
  ["-1", -1],
  ["1.5", 1.5],
  ["NaN", NaN],
  ["Infinity", Infinity],
  ["2 ** 31", 2 ** 31],
  ['"0"', "0"],
  ['""', ""],
  ['"abc"', "abc"],
  ["null", null],
  ["false", false],
  ["undefined", undefined],
  ["{}", {}],
  ["[]", []],
  ["[1]", [1]],
  ["1n", 1n],
  ["a symbol", Symbol("odd")],
  ["a function", () => 1],
  ["an ArrayBuffer", new ArrayBuffer(2)],
];

const INVALID_FRAME = { name: "UsageError", code: "WS_ERR_INVALID_FRAME" };

/** The hex of a frame, or the code of the exception. */
function outcome(make: () => Buffer): string {
  try {
    return make().toString("hex");
  } catch (error) {
    expect(error).toMatchObject(INVALID_FRAME);
    return "refused";
  }
}

const ACCEPTED = new Map<unknown, string>([
  ["0", "810130"],
  ["", "8100"],
  ["abc", "8103616263"],
]);

describe("frames made once for many", () => {
  it.each(VALUES)("frameText(%s)", (_name, value) => {
    expect(outcome(() => frameText(value as string))).toBe(ACCEPTED.get(value) ?? "refused");
  });

  it.each(VALUES)("frameBinary(%s)", (_name, value) => {
    const isBytes = value instanceof ArrayBuffer;
    expect(outcome(() => frameBinary(value as Buffer))).toBe(isBytes ? "82020000" : "refused");
  });

  it.each(VALUES)("frameBinary(data, %s)", (_name, value) => {
    const isNone = value === undefined || value === null;
    const expected = isNone ? "820161" : value === 0 ? "82020061" : "refused";
    expect(outcome(() => frameBinary(Buffer.from("a"), value as number))).toBe(expected);
  });

  it.each([
    ["a Uint8Array", Uint8Array.of(1, 2), "82020102"],
    ["a part of one", Uint8Array.of(1, 2, 3).subarray(1), "82020203"],
    ["a Uint16Array", Uint16Array.of(0x0101, 0x0202), "820401010202"],
    ["a DataView", new DataView(Uint8Array.of(7).buffer), "820107"],
    ["a SharedArrayBuffer", new SharedArrayBuffer(1), "820100"],
  ])("frameBinary() takes the bytes of %s", (_title, data, expected) => {
    expect(outcome(() => frameBinary(data as Buffer))).toBe(expected);
  });
});

describe("refuseUpgrade", () => {
  const answered = (...given: unknown[]): string => {
    const stream = new MemoryStream();
    Reflect.apply(refuseUpgrade, undefined, [stream, ...given]);
    return stream.taken().toString();
  };

  it.each(VALUES)("with the status %s answers 500", (_name, value) => {
    expect(answered(value)).toMatch(/^HTTP\/1\.1 500 Internal Server Error\r\n/);
  });

  it.each([100, 101, 199, 1000, 403.5])("with the status %s, which does not end a response, answers 500", (status) => {
    expect(answered(status)).toMatch(/^HTTP\/1\.1 500 /);
  });

  it.each(VALUES.filter(([, value]) => typeof value !== "symbol"))(
    "with the body %s answers that as text, or the sentence of the status",
    (_name, value) => {
      const [head, body] = answered(400, value).split("\r\n\r\n") as [string, string];
      // oxlint-disable-next-line typescript/no-base-to-string -- that is what the body is
      expect(body).toBe(value ? String(value) : "Bad Request");
      expect(head).toContain(`Content-Length: ${body.length}\r\n`);
    },
  );

  it("sends a header for each of several values, and none for undefined", () => {
    const head = answered(400, "x", { "Set-Cookie": ["a=b", "c=d"], "X-None": undefined, "X-One": 1 });
    expect(head).toContain("\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nX-One: 1\r\n");
    expect(head).not.toContain("X-None");
  });

  it.each([null, undefined, false, 0])("with the headers %s answers as without", (headers) => {
    expect(answered(400, "x", headers)).toBe(answered(400, "x"));
  });
});

describe("acceptUpgrade", () => {
  const request = {
    headers: {
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      "sec-websocket-protocol": "a, b",
      "sec-websocket-extensions": "permessage-deflate; client_max_window_bits",
    },
  } as unknown as IncomingMessage;

  /** The messages from a client that sends `x` and a ping, or name and code of the exception. */
  async function received(head: unknown, options: unknown): Promise<string> {
    const stream = new MemoryStream();
    const log: string[] = [];
    const handler: LinkHandler = {
      onText: (text) => log.push(text),
      onBinary() {},
      onDrain() {},
      onClose: ({ code }) => log.push(String(code)),
    };
    try {
      const link = Reflect.apply(acceptUpgrade, undefined, [request, stream, head, options]);
      link.open(handler);
      stream.push(frame({ opcode: 1, payload: "x" }));
      stream.push(frame({ opcode: 9, payload: "" }));
      await turn();
      link.close(1000);
      link.terminate();
      await turn();
      expect(stream.taken().toString()).toMatch(/^HTTP\/1\.1 101 /);
      return log.join();
    } catch (error) {
      return `${(error as Error).name} ${(error as { code?: string }).code}`;
    }
  }

  const REFUSED = "OptionError WS_ERR_INVALID_OPTION";
  const NOTHING = Buffer.alloc(0);

  it.each(VALUES)("with %s as options accepts the client", async (_name, value) => {
    expect(await received(NOTHING, value)).toBe("x,1006");
  });

  it.each([undefined, null])("with the head %s accepts the client", async (head) => {
    expect(await received(head, {})).toBe("x,1006");
  });

  const isObject = (value: unknown): boolean => Boolean(value);

  describe.each(VALUES.filter(([, value]) => typeof value !== "symbol"))("%s", (_name, value) => {
    it.each([
      "maxPayload",
      "maxFragments",
      "maxControlFramesPerSecond",
      "perMessageDeflate",
      "protocol",
      "closeTimeout",
    ])("as the option %s accepts the client", async (option) => {
      expect(await received(NOTHING, { [option]: value })).toBe("x,1006");
    });

    it.each(["budget", "clock", "headers"])("as the option %s means none, or is refused", async (option) => {
      const isEmptyList = option === "headers" && Array.isArray(value) && value.length === 0;
      const expected = isObject(value) && !isEmptyList ? REFUSED : "x,1006";
      expect(await received(NOTHING, { [option]: value })).toBe(expected);
    });
  });
});
