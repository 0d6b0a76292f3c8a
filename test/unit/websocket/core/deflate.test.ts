import { deflateRawSync, constants } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { DeflateOptions, DeflateParams } from "../../../../packages/websocket/src/core/deflate/deflate-params.ts";
import type { Role } from "../../../../packages/websocket/src/core/limits.ts";
import { closeBody, frame, type FrameSpec, type ReadFrame } from "../../../support/raw/frames.ts";
import { Random } from "../../../support/random.ts";
import { turn } from "../../../support/waiting.ts";
import { allSplits, feed, Recorder } from "../recorder.ts";

const PLAIN: DeflateParams = {
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
  serverMaxWindowBits: 15,
  clientMaxWindowBits: 15,
};
const ALONE: DeflateParams = { ...PLAIN, serverNoContextTakeover: true, clientNoContextTakeover: true };

interface Setup {
  readonly params?: DeflateParams;
  readonly options?: DeflateOptions;
  readonly maxPayload?: number;
}

function recorder(role: Role, setup: Setup = {}): Recorder {
  const { params = PLAIN, options = {}, maxPayload = 4 * 1024 * 1024 } = setup;
  return new Recorder(role, { maxPayload }, { deflate: { params, options: { threshold: 0, ...options } } });
}

/** A frame with RSV1 set, of bytes in hexadecimal. */
const deflated = (hex: string, rest: Partial<FrameSpec> = {}): Buffer =>
  frame({ opcode: 1, reserved: 4, payload: Buffer.from(hex, "hex"), ...rest });

/** A message compressed by another implementation. */
const compress = (data: Buffer): Buffer =>
  deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);

const noise = (size: number): Buffer => new Random(size).bytes(size);

/** Lets zlib's threads finish. Checks `until` after each turn of the loop. */
async function settled(until: () => boolean): Promise<void> {
  while (!until()) await turn();
}

/** Passes chunks one after another, as a connection's owner must: none during a decompression. */
async function read(end: Recorder, chunks: readonly Buffer[]): Promise<void> {
  const { connection } = end;
  for (const chunk of chunks) {
    connection.receive(Buffer.from(chunk));
    while (connection.isPaused) {
      await new Promise<void>((resolve) => (end.onReadable = resolve));
      connection.resume();
    }
  }
}

/** The log of a server that receives the chunks. */
async function logOf(chunks: readonly Buffer[], setup: Setup = {}): Promise<string[]> {
  const server = recorder("server", setup);
  await read(server, chunks);
  return server.take().map((line) => line.trim());
}

/** Queued frames, including those being compressed. */
async function allSent(end: Recorder): Promise<ReadFrame[]> {
  await settled(() => !end.connection.hasPendingOutput);
  return end.sent();
}

/** The examples of RFC 7692, 7.2.3, read as RFC 7692, 6.2 and 7.2.2 say. */
const EXAMPLES: readonly [what: string, bytes: Buffer, log: string[]][] = [
  ["one message", deflated("f248cdc9c90700"), ["text Hello"]],
  [
    "one message in two frames",
    Buffer.concat([deflated("f248cd", { fin: false }), frame({ opcode: 0, payload: Buffer.from("c9c90700", "hex") })]),
    ["text Hello"],
  ],
  [
    "a window shared by two messages",
    Buffer.concat([deflated("f248cdc9c90700"), deflated("f200110000")]),
    ["text Hello", "text Hello"],
  ],
  ["a block without compression", deflated("000500faff48656c6c6f00"), ["text Hello"]],
  ["a block marked as the last one", deflated("f348cdc9c9070000"), ["text Hello"]],
  ["two blocks", deflated("f24805000000ffffcac9c90700"), ["text Hello"]],
  ["an empty message", deflated("00"), ["text"]],
  ["an empty payload", deflated(""), ["text"]],
  [
    "messages after the end of a stream (BFINAL)",
    Buffer.concat([deflated("f348cdc9c9070000"), deflated("f248cdc9c90700")]),
    ["text Hello", "text Hello"],
  ],
  [
    "messages with and without compression, and a ping between fragments",
    Buffer.concat([
      frame({ opcode: 1, payload: "a" }),
      deflated("f248cd", { fin: false }),
      frame({ opcode: 9, payload: "p" }),
      frame({ opcode: 0, payload: Buffer.from("c9c90700", "hex") }),
      frame({ opcode: 2, payload: "b" }),
    ]),
    ["text a", "ping p", "text Hello", "binary 62"],
  ],
];

describe("receiving compressed messages, at every split of the bytes", () => {
  it.each(EXAMPLES)("reads %s", async (_what, bytes, log) => {
    for (const chunks of allSplits(bytes)) expect(await logOf(chunks)).toEqual(log);
  });

  it.each(EXAMPLES.filter(([what]) => !what.includes("shared")))(
    "reads %s at once when each stands alone",
    (...example) => {
      const [, bytes, log] = example;
      for (const chunks of allSplits(bytes)) {
        const server = recorder("server", { params: ALONE });
        feed(server.connection, chunks);
        expect(server.take().map((line) => line.trim())).toEqual(log);
      }
    },
  );

  it.each<[string, Buffer, string]>([
    [
      "RSV1 on a continuation",
      Buffer.concat([deflated("f248", { fin: false }), deflated("cd", { opcode: 0 })]),
      "1002 WS_ERR_UNEXPECTED_RSV_1",
    ],
    ["RSV1 on a ping", deflated("00", { opcode: 9 }), "1002 WS_ERR_UNEXPECTED_RSV_1"],
    ["RSV1 on a close frame", deflated("03e8", { opcode: 8 }), "1002 WS_ERR_UNEXPECTED_RSV_1"],
    ["RSV1 with RSV2", deflated("00", { reserved: 6 }), "1002 WS_ERR_UNEXPECTED_RSV_2_3"],
    ["bytes that are not deflate data", deflated("ffffffff"), "1007 WS_ERR_INVALID_DEFLATE_DATA"],
    ["a reference to before the beginning", deflated("f200110000"), "1007 WS_ERR_INVALID_DEFLATE_DATA"],
    [
      "text that is not UTF-8 inside",
      frame({ opcode: 1, reserved: 4, payload: compress(Buffer.from("61ff", "hex")) }),
      "1007 WS_ERR_INVALID_UTF8",
    ],
  ])("refuses %s (RFC 7692, 6)", async (_what, bytes, end) => {
    for (const params of [PLAIN, ALONE]) {
      for (const chunks of allSplits(bytes)) expect(await logOf(chunks, { params })).toEqual([`failed ${end}`]);
    }
  });
});

describe("limits of compressed messages", () => {
  it("refuses a message that expands beyond maxPayload, before it has", async () => {
    const tooBig = ["failed 1009 WS_ERR_UNSUPPORTED_MESSAGE_LENGTH"];
    for (const size of [2_000_000, 30_000_000]) {
      const server = recorder("server", { maxPayload: 100_000 });
      feed(server.connection, [frame({ opcode: 2, reserved: 4, payload: compress(Buffer.alloc(size)) })]);
      await settled(() => server.connection.phase === "failed" || server.log.includes("readable"));
      server.connection.resume();
      expect(server.take().filter((line) => line !== "readable")).toEqual(tooBig);
    }
  });

  it("accepts a message of exactly maxPayload that compression made longer", async () => {
    const data = noise(50_000);
    const payload = compress(data);
    expect(payload.length).toBeGreaterThan(data.length);
    const server = recorder("server", { maxPayload: data.length });
    feed(server.connection, [frame({ opcode: 2, reserved: 4, payload })]);
    await settled(() => server.log.includes("readable"));
    server.connection.resume();
    expect(server.binaries[0]?.equals(data)).toBe(true);
  });

  it("refuses a ratio above maxInflateRatio", async () => {
    const messages = [noise(5000), Buffer.alloc(100_000)];
    const frames = messages.map((data) => frame({ opcode: 2, reserved: 4, payload: compress(data) }));
    for (const params of [PLAIN, ALONE]) {
      const log = await logOf(frames, { params, options: { maxInflateRatio: 100 } });
      expect(log.slice(1)).toEqual(["failed 1009 WS_ERR_INFLATE_RATIO"]);
    }
  });
});

describe("a large compressed message", () => {
  const LARGE = noise(60_000);
  const frames = [
    frame({ opcode: 2, reserved: 4, payload: compress(LARGE) }),
    frame({ opcode: 1, payload: "behind" }),
    frame({ opcode: 8, payload: closeBody(1000) }),
  ];

  it("pauses reading after it, and reports when to go on", async () => {
    const server = recorder("server");
    expect(server.connection.receive(Buffer.concat(frames))).toBe(false);
    server.connection.resume();
    expect(server.take()).toEqual([]);
    await settled(() => server.log.includes("readable"));
    expect(server.binaries).toEqual([]);
    server.connection.resume();
    expect(server.binaries[0]?.equals(LARGE)).toBe(true);
    expect(server.take().slice(2)).toEqual(["text behind", "closed 1000"]);
  });

  it("is not delivered while its receiver is paused", async () => {
    const server = recorder("server");
    server.connection.receive(Buffer.concat(frames));
    server.connection.pause();
    for (let turns = 0; turns < 20; turns++) await turn();
    expect(server.take()).toEqual([]);
    while (server.binaries.length === 0) {
      server.connection.resume();
      await turn();
    }
    expect(server.take().at(-1)).toBe("closed 1000");
  });

  it("may pause reading after it", async () => {
    const server = recorder("server");
    server.onMessage = () => server.connection.pause();
    server.connection.receive(Buffer.concat(frames));
    await settled(() => server.log.includes("readable"));
    server.connection.resume();
    expect(server.take()).toHaveLength(2);
    server.connection.resume();
    expect(server.take()).toEqual(["text behind"]);
  });

  it("is dropped with the connection", async () => {
    const server = recorder("server");
    server.connection.receive(Buffer.concat(frames));
    server.connection.abort();
    for (let turns = 0; turns < 20; turns++) await turn();
    server.connection.resume();
    expect(server.take()).toEqual([]);
  });
});

/** The logs of both ends, when one sends messages to the other. */
async function exchange(
  from: Role,
  setup: Setup,
  messages: readonly (string | Buffer)[],
): Promise<(string | Buffer)[]> {
  const [sender, receiver] = [recorder(from, setup), recorder(from === "client" ? "server" : "client", setup)];
  const received: (string | Buffer)[] = [];
  receiver.onText = (text) => received.push(text);
  receiver.onBinary = (data) => received.push(data);
  receiver.onReadable = () => receiver.connection.resume();
  for (const message of messages) sender.connection.send(message, typeof message === "string" ? 1 : 2);
  while (received.length < messages.length) {
    const bytes = sender.bytes();
    if (bytes.length > 0) receiver.connection.receive(bytes);
    await turn();
  }
  return received;
}

describe("sending compressed messages", () => {
  const MESSAGES = [
    "",
    "Hello",
    "Hello",
    noise(100),
    "text ".repeat(10_000),
    noise(70_000),
    "Hello",
    "x".repeat(300_000),
    Buffer.alloc(0),
    "end",
  ];

  const SETUPS: readonly Setup[] = [
    {},
    { params: ALONE },
    { params: { ...PLAIN, serverMaxWindowBits: 8, clientMaxWindowBits: 8 } },
    { params: { ...ALONE, serverMaxWindowBits: 9, clientMaxWindowBits: 10 } },
    { options: { concurrencyLimit: 1, zlibDeflateOptions: { level: 1, memLevel: 4 } } },
  ];

  it.each(SETUPS.flatMap((setup) => [["server", setup] as const, ["client", setup] as const]))(
    "arrives in order from a %s with %j",
    async (role, setup) => {
      const received = await exchange(role, setup, MESSAGES);
      expect(received.map(String)).toEqual(MESSAGES.map(String));
    },
  );

  // RFC 7692, 6.1, 7.1.1.1, 7.1.1.2 and 7.2.1.
  it("sets RSV1 and refers to earlier messages, unless messages are independent", async () => {
    const payloads = async (params: DeflateParams): Promise<string[]> => {
      const server = recorder("server", { params });
      for (let at = 0; at < 2; at++) server.connection.send("Hello", 1);
      expect(server.connection.hasPendingOutput).toBe(params === PLAIN);
      const frames = await allSent(server);
      return frames.map(({ reserved, payload }) => `${reserved} ${payload.toString("hex")}`);
    };
    expect(await payloads(PLAIN)).toEqual(["4 f248cdc9c90700", "4 f200110000"]);
    expect(await payloads(ALONE)).toEqual(["4 f248cdc9c90700", "4 f248cdc9c90700"]);
  });

  it("compresses in the order of sending, even messages sent from inside its report", async () => {
    const server = recorder("server");
    const texts = ["one", "two one", "three two one"];
    let reports = 0;
    server.onOutput = () => {
      // The first report is for the sends. The second comes when the first message is done and the
      // others are still queued.
      if (++reports === 2) server.connection.send("four three two one", 1);
    };
    for (const text of texts) server.connection.send(text, 1);
    expect(server.bytes()).toHaveLength(0);
    await settled(() => !server.connection.hasPendingOutput);
    const client = recorder("client");
    await read(client, [server.bytes()]);
    expect(client.take()).toEqual([...texts, "four three two one"].map((text) => `text ${text}`));
  });

  it("survives many connections that close while their messages are queued for a thread", async () => {
    const options = { concurrencyLimit: 1 };
    const ends = Array.from({ length: 20_000 }, () => recorder("server", { options }));
    for (const { connection } of ends) connection.send("Hello", 1);
    for (const { connection } of ends.slice(1)) connection.abort();
    expect(await allSent(ends[0]!)).toHaveLength(1);
    const next = recorder("server", { options });
    next.connection.send("Hello", 1);
    expect(await allSent(next)).toHaveLength(1);
  });

  it("leaves short messages, prepared frames, fragments and messages with compress false alone", async () => {
    const server = recorder("server", { options: { threshold: 10 } });
    server.connection.send("short", 1);
    server.connection.send("long enough to compress", 1, false);
    server.connection.sendFragment("long enough ", 1, false);
    server.connection.sendFragment("to compress", 1, true);
    server.connection.send("long enough to compress", 1);
    expect((await allSent(server)).map(({ reserved, fin, opcode }) => [reserved, fin, opcode])).toEqual([
      [0, true, 1],
      [0, true, 1],
      [0, false, 1],
      [0, true, 0],
      [4, true, 1],
    ]);
  });

  it.each<[string, DeflateParams, Buffer]>([
    ["a large message", ALONE, noise(50_000)],
    ["a large message with context takeover", PLAIN, noise(50_000)],
    ["a small message with context takeover", PLAIN, Buffer.from("small")],
  ])("sends everything in order after %s being compressed, the close frame too", async (_what, params, data) => {
    const server = recorder("server", { params });
    server.connection.send("first", 1, false);
    server.connection.send(data, 2);
    server.connection.send("third", 1, false);
    server.connection.ping();
    server.connection.send("", 1);
    server.connection.close(1000);
    expect(server.sent().map(({ opcode }) => opcode)).toEqual([1]);
    expect(server.connection).toMatchObject({ queued: 6, taken: 1, hasPendingOutput: true, phase: "closing" });
    expect((await allSent(server)).map(({ opcode }) => opcode)).toEqual([2, 1, 9, 1, 8]);
    expect(server.connection).toMatchObject({ queued: 6, taken: 6, bufferedBytes: 0 });
  });

  it("still sends messages being compressed when the peer closes", async () => {
    const server = recorder("server");
    server.connection.send(noise(50_000), 2);
    server.connection.send("behind", 1);
    feed(server.connection, [frame({ opcode: 8, payload: closeBody(1000) })]);
    expect(server.take()).toEqual(["closed 1000"]);
    expect((await allSent(server)).map(({ opcode }) => opcode)).toEqual([2, 1, 8]);
  });

  it("drops messages being compressed when it is aborted", async () => {
    const server = recorder("server");
    server.connection.send(noise(50_000), 2);
    server.connection.send("behind", 1);
    server.connection.abort();
    for (let turns = 0; turns < 20; turns++) await turn();
    expect(server.connection.bufferedBytes).toBe(0);
    expect(server.bytes()).toHaveLength(0);
  });
});
