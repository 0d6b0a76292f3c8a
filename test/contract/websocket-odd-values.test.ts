import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { WebSocket } from "@portage/websocket";
import { describe, expect, it } from "vitest";
import { frame } from "../support/raw/frames.ts";
import { turn } from "../support/waiting.ts";
import { MemoryStream } from "../unit/websocket/memory-stream.ts";
import { IMPLEMENTATIONS, textOf, type WebSocketApi } from "./websocket-api.ts";

// Odd values of options and arguments, compared with `ws`. Tables list intended
// differences, with the reason.

const [[, own], [, reference]] = IMPLEMENTATIONS as [[string, WebSocketApi], [string, WebSocketApi]];

const VALUES: [name: string, value: unknown][] = [
  ["0", 0],
  ["-1", -1],
  ["NaN", NaN],
  ["Infinity", Infinity],
  ["2 ** 31", 2 ** 31],
  ['"0"', "0"],
  ['""', ""],
  ["null", null],
  ["false", false],
  ["undefined", undefined],
];

const HEADERS = {
  host: "in.memory",
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  "sec-websocket-version": "13",
};

type Parts = Record<string, unknown>;

function requestOf(headers: Parts, parts: Parts = {}): IncomingMessage {
  const request = { method: "GET", httpVersion: "1.1", url: "/", socket: {}, headers: { ...HEADERS, ...headers } };
  return { ...request, ...parts } as unknown as IncomingMessage;
}

/**
 * A server's socket on a stream in memory, or the status line of the refusal, or
 * the class of the exception.
 */
function upgraded(
  api: WebSocketApi,
  options: object,
  request = requestOf({}),
): { socket?: WebSocket; stream: MemoryStream; outcome: string } {
  const stream = new MemoryStream();
  const made: WebSocket[] = [];
  let step = "construction";
  try {
    const server = new api.WebSocketServer({ noServer: true, ...options });
    step = "upgrade";
    server.handleUpgrade(request, stream, Buffer.alloc(0), (socket) => made.push(socket));
  } catch (error) {
    return {
      stream,
      outcome: `throws at the ${step}${(error as { code?: string }).code === undefined ? "" : " with a code"}`,
    };
  }
  const answer = stream.taken().toString().split("\r\n");
  const protocol = answer.find((line) => line.startsWith("Sec-WebSocket-Protocol")) ?? "";
  return { ...(made[0] !== undefined && { socket: made[0] }), stream, outcome: `${answer[0]} ${protocol}`.trim() };
}

/** A server's socket on a stream in memory, and its events. */
function opened(
  api: WebSocketApi,
  options: object = {},
): { socket: WebSocket; stream: MemoryStream; events: unknown[] } {
  const { socket, stream, outcome } = upgraded(api, options);
  if (socket === undefined) throw new Error(outcome);
  const events: unknown[] = [];
  socket.on("message", (data, isBinary) => events.push([textOf(data), isBinary]));
  socket.on("error", (error) => events.push((error as { code?: string }).code));
  socket.on("close", (code) => events.push(code));
  return { socket, stream, events };
}

/** The exception of a call, or the bytes that it sends. */
async function sentBy(api: WebSocketApi, call: (socket: WebSocket) => void): Promise<string> {
  const { socket, stream } = opened(api);
  let thrown = "";
  try {
    call(socket);
  } catch {
    thrown = "throws";
  }
  await turn();
  const sent = stream.taken().toString("hex");
  socket.terminate();
  await turn();
  return `${thrown} ${sent}`.trim();
}

const call = (socket: WebSocket, name: "send" | "ping" | "pong" | "close", given: unknown[]): unknown =>
  Reflect.apply(socket[name].bind(socket), socket, given);

describe.each(VALUES)("%s", (name, value) => {
  it.each([
    ["send(value)", "send", [value]],
    ["send(data, value)", "send", ["x", value]],
    ["send(data, {}, value)", "send", ["x", {}, value]],
    ["send(data, { binary })", "send", ["x", { binary: value }]],
    ["send(data, { compress })", "send", ["x", { compress: value }]],
    ["ping(value)", "ping", [value]],
    ["ping(data, mask, value)", "ping", ["x", false, value]],
    ["pong(value)", "pong", [value]],
    ["pong(data, mask, value)", "pong", ["x", false, value]],
    ["close(value)", "close", [value]],
    ["close(code, value)", "close", [1000, value]],
  ] as const)("%s does as in ws", async (_title, method, given) => {
    const [ours, theirs] = [own, reference].map((api) => sentBy(api, (socket) => call(socket, method, [...given])));
    expect(await ours).toBe(await theirs);
  });

  it("ping(data, value) ignores the value: the role decides about masking", async () => {
    const [ours, plain] = [[value], []].map((mask) => sentBy(own, (socket) => call(socket, "ping", ["x", ...mask])));
    expect(await ours).toBe(await plain);
  });

  it("send(data, { fin }) does as in ws, and undefined is not given", async () => {
    const sent = (api: WebSocketApi): Promise<string> =>
      sentBy(api, (socket) => {
        call(socket, "send", ["a", { fin: value }]);
        call(socket, "send", ["b"]);
      });
    // In ws, a message with `fin: undefined` never ends.
    const expected = await (value === undefined
      ? sentBy(reference, (socket) => ["a", "b"].map((x) => socket.send(x)))
      : sent(reference));
    expect(await sent(own)).toBe(expected);
  });

  it("after the end, callbacks are called or refused as in ws", async () => {
    const outcome = async (api: WebSocketApi): Promise<string> => {
      const { socket } = opened(api);
      socket.terminate();
      const results = (["send", "ping", "pong"] as const).map((method) => {
        try {
          call(socket, method, ["x", {}, value]);
          return "silent";
        } catch (error) {
          return (error as { code?: string }).code?.replace("ERR_INVALID_ARG_TYPE", "WS_ERR_INVALID_CALLBACK");
        }
      });
      call(socket, "send", [value]);
      call(socket, "close", [value, value]);
      await turn();
      return `${results.join()} ${socket.bufferedAmount > 0}`;
    };
    expect(await outcome(own)).toBe(await outcome(reference));
  });

  it("addEventListener refuses at once what ws fails to call later", () => {
    const { socket } = opened(own);
    expect(() => Reflect.apply(socket.addEventListener.bind(socket), socket, ["message", value])).toThrow(
      expect.objectContaining({ code: "WS_ERR_INVALID_LISTENER" }) as Error,
    );
    expect(() => Reflect.apply(socket.removeEventListener.bind(socket), socket, ["message", value])).not.toThrow();
    socket.onmessage = value as null;
    expect(socket.onmessage).toBeNull();
  });

  const OPTIONS = (
    "allowSynchronousEvents autoPong backlog clientTracking closeTimeout handleProtocols host maxBufferedChunks " +
    "maxFragments maxPayload maxPendingAutoPongs path perMessageDeflate server skipUTF8Validation verifyClient WebSocket " +
    "noServer port"
  ).split(" ");

  const ACCEPTED = "HTTP/1.1 101 Switching Protocols Sec-WebSocket-Protocol: a";
  /** Outcomes that differ from ws, and why. */
  const different = (option: string, theirs: string): string | undefined => {
    const isEmpty = !value;
    // An omitted class is the default, like undefined for every option.
    if (option === "WebSocket") return isEmpty ? ACCEPTED : "throws at the construction with a code";
    if (option === "noServer" && value === undefined) return "throws at the construction";
    // Refused at once; ws crashes with the first client.
    return theirs === "throws at the upgrade" ? "throws at the construction with a code" : undefined;
  };

  it.each(OPTIONS)("as the option %s of a server does as in ws", async (option) => {
    const options = { [option]: value };
    const request = () => requestOf({ "sec-websocket-protocol": "a, b" });
    const [ours, theirs] = [own, reference].map((api) => upgraded(api, options, request()));
    expect(ours!.outcome).toBe(different(option, theirs!.outcome) ?? theirs!.outcome);
    for (const { socket } of [ours!, theirs!]) socket?.terminate();
    await turn();
  });

  it.each(["maxPayload", "maxFragments"])("as the limit %s lets the same messages through as in ws", async (option) => {
    // Undefined means the default here and unlimited in ws: both let these through.
    const received = async (api: WebSocketApi): Promise<unknown[]> => {
      const { socket, stream, events } = opened(api, { [option]: value });
      stream.push(frame({ opcode: 1, payload: "a".repeat(100) }));
      for (let at = 0; at < 1200; at++)
        stream.push(frame({ opcode: at === 0 ? 2 : 0, payload: "b", fin: at === 1199 }));
      await turn();
      await turn();
      const seen = [...events];
      socket.terminate();
      await turn();
      return seen;
    };
    expect(await received(own)).toEqual([
      ["a".repeat(100), false],
      ["b".repeat(1200), true],
    ]);
    expect(await received(reference)).toEqual(await received(own));
  });

  it("as autoPong answers pings as in ws", async () => {
    const answers = async (api: WebSocketApi): Promise<number> => {
      const { socket, stream } = opened(api, { autoPong: value });
      stream.push(frame({ opcode: 9, payload: "x" }));
      await turn();
      const { length } = stream.taken();
      socket.terminate();
      await turn();
      return length;
    };
    // Undefined means the default, as for every option here.
    expect(await answers(own)).toBe(value === undefined ? 3 : await answers(reference));
  });

  it.each([
    ["callback(value)", (answer: (...given: unknown[]) => void) => answer(value)],
    ["callback(false, value)", (answer: (...given: unknown[]) => void) => answer(false, value)],
    ["callback(false, 403, value)", (answer: (...given: unknown[]) => void) => answer(false, 403, value)],
    [
      "callback(false, 403, message, value)",
      (answer: (...given: unknown[]) => void) => answer(false, 403, "no", value),
    ],
  ])("verifyClient that calls %s has the same outcome as in ws", (_title, act) => {
    const verifyClient = (_info: unknown, answer: never): void => act(answer);
    const [ours, theirs] = [own, reference].map((api) => upgraded(api, { verifyClient }));
    // An invalid status has no sentence: ws throws a TypeError in the callback.
    const hasThrown = theirs!.outcome.startsWith("throws");
    expect(hasThrown ? /^HTTP\/1.1 \S+ /.test(ours!.outcome) : ours!.outcome).toBe(hasThrown || theirs!.outcome);
  });

  it("verifyClient and handleProtocols that return it have the same outcome as in ws", () => {
    const request = () => requestOf({ "sec-websocket-protocol": "a, b" });
    for (const options of [{ verifyClient: () => value }, { handleProtocols: () => value }]) {
      const [ours, theirs] = [own, reference].map((api) => upgraded(api, options, request()));
      expect(ours!.outcome).toBe(theirs!.outcome);
    }
  });

  it("as the callback of handleUpgrade and of close it is refused before anything is sent, or left alone", async () => {
    const stream = new MemoryStream();
    const server = new own.WebSocketServer({ noServer: true });
    const upgrade = () =>
      Reflect.apply(server.handleUpgrade.bind(server), server, [requestOf({}), stream, value, value]);
    expect(upgrade).toThrow(expect.objectContaining({ code: "WS_ERR_INVALID_CALLBACK" }) as Error);
    expect(stream.taken()).toHaveLength(0);
    const closes = (api: WebSocketApi): string => {
      const wss = new api.WebSocketServer({ noServer: true });
      try {
        Reflect.apply(wss.close.bind(wss), wss, [value]);
        return "silent";
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    expect(closes(own)).toBe(closes(reference));
    await turn();
  });

  const CLIENT_OPTIONS = (
    "agent allowSynchronousEvents auth autoPong closeTimeout createConnection finishRequest followRedirects generateMask " +
    "handshakeTimeout headers localAddress maxFragments maxPayload maxRedirects origin perMessageDeflate protocolVersion " +
    "protocols skipUTF8Validation"
  ).split(" ");

  it.each(CLIENT_OPTIONS)("as the option %s of a client does as in ws", (option) => {
    const constructed = (api: WebSocketApi): string => {
      try {
        const stream = new MemoryStream();
        const options = { createConnection: () => stream, [option]: value };
        const client = Reflect.construct(api.WebSocket, ["ws://127.0.0.1:9", undefined, options]) as WebSocket;
        client.on("error", () => undefined);
        client.terminate();
        return "made";
      } catch (error) {
        return (error as Error).constructor.name.replace("NodeError", "TypeError");
      }
    };
    // An invalid time means unlimited; a long one is used unchanged; undefined means the default.
    const isTime = option === "handshakeTimeout" || (option === "protocolVersion" && value === undefined);
    // ws calls it for the first frame that it masks.
    const isLate = option === "generateMask" && Boolean(value);
    expect(constructed(own)).toBe(isTime ? "made" : isLate ? "OptionError" : constructed(reference));
  });

  it.each(["protocols", "options"])("as the argument %s of a client does as in ws", (argument) => {
    const constructed = (api: WebSocketApi): string => {
      try {
        const given = argument === "protocols" ? [value] : [[], value];
        const client = Reflect.construct(api.WebSocket, ["ws://127.0.0.1:9", ...given]) as WebSocket;
        client.on("error", () => undefined);
        client.terminate();
        return "made";
      } catch (error) {
        return (error as Error).constructor.name;
      }
    };
    expect(constructed(own), name).toBe(constructed(reference));
  });

  it.each([
    "concurrencyLimit",
    "threshold",
    "serverMaxWindowBits",
    "clientMaxWindowBits",
    "maxInflateRatio",
    "zlibDeflateOptions",
  ])("as the compression option %s it is accepted, or refused at once", (option) => {
    const { socket, outcome } = upgraded(own, { perMessageDeflate: { [option]: value } });
    const isWindow = option.endsWith("Bits") && Boolean(value) && value !== "";
    expect(outcome).toBe(isWindow ? "throws at the construction with a code" : "HTTP/1.1 101 Switching Protocols");
    socket?.terminate();
  });
});

describe("createWebSocketStream", () => {
  /**
   * What a stream made with `options` does with two messages and a chunk, or
   * the class of the exception.
   */
  async function streamed(api: WebSocketApi, given: unknown[]): Promise<unknown> {
    const { socket, stream } = opened(api);
    const events: unknown[] = [];
    try {
      const duplex = Reflect.apply(api.createWebSocketStream, undefined, [socket, ...given]) as Duplex;
      duplex.on("error", (error) => events.push((error as { code?: string }).code));
      duplex.on("data", (chunk: unknown) => events.push(typeof chunk, String(chunk)));
      stream.push(Buffer.concat([frame({ opcode: 1, payload: "text" }), frame({ opcode: 2, payload: "bytes" })]));
      await turn();
      duplex.write("out");
      await turn();
      events.push(stream.taken().toString("hex"));
      duplex.destroy();
      await turn();
      return { events, destroyed: duplex.destroyed };
    } catch (error) {
      return (error as Error).constructor.name.replace("NodeError", "TypeError");
    } finally {
      socket.terminate();
      await turn();
    }
  }

  it.each(VALUES)("with %s as options does as in ws", async (_name, value) => {
    expect(await streamed(own, [value])).toEqual(await streamed(reference, [value]));
  });

  const STREAM_OPTIONS = (
    "allowHalfOpen autoDestroy construct decodeStrings defaultEncoding destroy emitClose encoding final highWaterMark " +
    "objectMode read readable readableHighWaterMark readableObjectMode signal writable writableCorked writableHighWaterMark " +
    "writableObjectMode write writev"
  ).split(" ");

  describe.each(VALUES)("%s", (_name, value) => {
    it.each(STREAM_OPTIONS)("as the option %s does as in ws", async (option) => {
      const options = [{ [option]: value }];
      expect(await streamed(own, options)).toEqual(await streamed(reference, options));
    });
  });

  it.each(VALUES)("of %s instead of a socket throws as in ws", (_name, value) => {
    const thrown = (api: WebSocketApi): string => {
      try {
        Reflect.apply(api.createWebSocketStream, undefined, [value]);
        return "nothing";
      } catch (error) {
        return (error as Error).constructor.name;
      }
    };
    expect(thrown(own)).toBe(thrown(reference));
  });
});

describe("opening handshakes made by hand", () => {
  const without = (name: string): Parts => ({ [name]: undefined });
  const CASES: [title: string, headers: Parts, parts?: Parts, options?: object][] = [
    ["a good one", {}],
    ["no httpVersion", {}, { httpVersion: undefined }],
    ["HTTP/1.0", {}, { httpVersion: "1.0" }],
    ["HTTP/1.0 without Host", without("host"), { httpVersion: "1.0" }],
    ["no Connection", without("connection")],
    ["another Connection", { connection: "close" }],
    ["no socket and no URL", {}, { socket: undefined, url: undefined }],
    ["a numeric version", { "sec-websocket-version": 13 }],
    ["version 8", { "sec-websocket-version": "8" }],
    ["a version with blanks", { "sec-websocket-version": " 13 " }],
    ["version 13.0", { "sec-websocket-version": "13.0" }],
    ["Upgrade in capitals", { upgrade: "WEBSOCKET" }],
    ["a list in Upgrade", { upgrade: "h2c, websocket" }],
    ["another Upgrade", { upgrade: "h2c" }],
    ["no Upgrade", without("upgrade")],
    ["POST", {}, { method: "POST" }],
    ["lower case get", {}, { method: "get" }],
    ["no key", without("sec-websocket-key")],
    ["a key that is not canonical", { "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZR==" }],
    ["a key of digits", { "sec-websocket-key": "1234567890123456789012==" }],
    ["a short key", { "sec-websocket-key": "dGhlIHNhbXBsZSBub25j==" }],
    ["a key with one =", { "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZZQ=" }],
    ["a URL-safe key", { "sec-websocket-key": "dGhlIHNhbXBsZSBub2_jZQ==" }],
    ["a key with a blank", { "sec-websocket-key": " dGhlIHNhbXBsZSBub25jZQ==" }],
    ["an empty key", { "sec-websocket-key": "" }],
    ...["a", "a,b", "a , b", "a,\tb", " a", "a ", "a,", ",a", "a,,b", "a, a", "a b", "", "a;b", "é"].map(
      (list): [string, Parts] => [`the subprotocols ${JSON.stringify(list)}`, { "sec-websocket-protocol": list }],
    ),
    ...[";", "a b", "=", 'permessage-deflate; x="', "permessage-deflate; client_max_window_bits", ""].flatMap(
      (list): [string, Parts, Parts, object][] => [
        [`the extensions ${JSON.stringify(list)}`, { "sec-websocket-extensions": list }, {}, {}],
        [
          `the extensions ${JSON.stringify(list)} with compression off`,
          { "sec-websocket-extensions": list },
          {},
          { perMessageDeflate: false },
        ],
      ],
    ),
    ...[";", "a b", 'permessage-deflate; x="', "permessage-deflate"].map((list): [string, Parts, Parts, object] => [
      `the extensions ${JSON.stringify(list)} with compression on`,
      { "sec-websocket-extensions": list },
      {},
      { perMessageDeflate: true },
    ]),
    ["a path", {}, { url: "/a?b" }, { path: "/a" }],
    ["another path", {}, { url: "/ab" }, { path: "/a" }],
    ["no path", {}, { url: "/x" }, { path: false }],
  ];

  it.each(CASES)("%s: as in ws", (_title, headers, parts = {}, options = {}) => {
    const [ours, theirs] = [own, reference].map((api) => {
      const { socket, outcome } = upgraded(api, options, requestOf(headers, parts));
      socket?.terminate();
      return outcome;
    });
    expect(ours).toBe(theirs);
  });

  it.each([
    // RFC 9112, 3.2.
    ["HTTP/1.1 without Host", without("host"), "HTTP/1.1 400 Bad Request"],
    // RFC 6455, 4.2.2.
    ["version 12", { "sec-websocket-version": "12" }, "HTTP/1.1 426 Upgrade Required"],
    ["no version", without("sec-websocket-version"), "HTTP/1.1 426 Upgrade Required"],
  ])("%s: refused as the standards require", (_title, headers, status) => {
    expect(upgraded(own, {}, requestOf(headers)).outcome).toBe(status);
  });
});
