import { describe, expect, it } from "vitest";
import { closeBody, frame, type ReadFrame } from "../../../support/raw/frames.ts";
import { feed, Recorder } from "../recorder.ts";

const texts = (frames: ReadFrame[]): string[] =>
  frames.map(({ opcode, payload }) => `${opcode} ${payload.toString("latin1")}`);
const closeFrame = (code: number, reason = ""): Buffer => frame({ opcode: 8, payload: closeBody(code, reason) });

describe("sending", () => {
  it("reports output once for many sends", () => {
    const { connection, log } = new Recorder();
    connection.send("a", 1);
    connection.send("b", 1);
    connection.ping(Buffer.from("p"));
    expect(log).toEqual(["output"]);
    expect(connection.bufferedBytes).toBe(9);
    connection.takeOutput();
    connection.send("c", 1);
    expect(log).toEqual(["output", "output"]);
  });

  it("sends texts, bytes, prepared frames and pings in order", () => {
    const recorder = new Recorder();
    recorder.connection.send("text", 1);
    recorder.connection.send(Buffer.from("bin"), 2);
    recorder.connection.sendFrame(frame({ opcode: 1, payload: "made", masked: false }));
    recorder.connection.ping();
    recorder.connection.pong(Buffer.from("x".repeat(200)));
    expect(texts(recorder.sent())).toEqual(["1 text", "2 bin", "1 made", "9 ", `10 ${"x".repeat(125)}`]);
  });

  it("joins client and server", () => {
    const [client, server] = [new Recorder("client"), new Recorder("server")];
    const exchange = (): void => {
      feed(server.connection, [client.bytes()]);
      feed(client.connection, [server.bytes()]);
    };
    client.connection.send("to the server", 1);
    server.connection.send("to the client", 1);
    client.connection.ping(Buffer.from("?"));
    exchange();
    client.connection.close(1000, "done");
    exchange();
    expect(server.take()).toEqual(["text to the server", "ping ?", "closed 1000 done"]);
    expect(client.take()).toEqual(["text to the client", "pong ?", "closed 1000 done"]);
  });
});

describe("pings", () => {
  it("are each answered while the peer reads (RFC 6455, 5.5.2 and 5.5.3)", () => {
    const recorder = new Recorder();
    feed(
      recorder.connection,
      ["a", "b", "c"].map((payload) => frame({ opcode: 9, payload })),
    );
    expect(recorder.take()).toEqual(["ping a", "ping b", "ping c"]);
    expect(texts(recorder.sent())).toEqual(["10 a", "10 b", "10 c"]);
  });

  it("leave only the newest answer while it does not", () => {
    const recorder = new Recorder();
    recorder.connection.blockOutput();
    recorder.connection.send("first", 1);
    feed(
      recorder.connection,
      ["a", "b", "c"].map((payload) => frame({ opcode: 9, payload })),
    );
    expect(recorder.take()).toEqual(["ping a", "ping b", "ping c"]);
    recorder.connection.unblockOutput();
    expect(texts(recorder.sent())).toEqual(["1 first", "10 c"]);
  });

  it("are too many above the limit within one second", () => {
    const recorder = new Recorder("server", { maxControlFramesPerSecond: 3 });
    const pings = [1, 2, 3].map(() => frame({ opcode: 10 }));
    feed(recorder.connection, pings);
    recorder.clock.advance(1000);
    feed(recorder.connection, pings);
    expect(recorder.take()).toHaveLength(6);
    recorder.clock.advance(999);
    feed(recorder.connection, [frame({ opcode: 10 })]);
    expect(recorder.take()).toEqual(["failed 1008 WS_ERR_TOO_MANY_CONTROL_FRAMES"]);
  });
});

describe("closing", () => {
  it("answers the peer's close frame with the same (RFC 6455, 5.5.1)", () => {
    const recorder = new Recorder();
    feed(recorder.connection, [closeFrame(4001, "bye")]);
    expect(recorder.take()).toEqual(["closed 4001 bye"]);
    expect(recorder.sent()[0]).toMatchObject({ opcode: 8, payload: closeBody(4001, "bye") });
    recorder.connection.send("late", 1);
    recorder.connection.close(1000);
    expect(recorder.bytes()).toHaveLength(0);
  });

  it("delivers until the peer's close frame, and sends nothing after its own (RFC 6455, 5.5.1 and 6.1)", () => {
    const recorder = new Recorder();
    recorder.connection.close(1001, "restart");
    recorder.connection.send("late", 1);
    recorder.connection.close(1000, "again");
    feed(recorder.connection, [frame({ opcode: 1, payload: "on its way" }), frame({ opcode: 9 }), closeFrame(1001)]);
    expect(recorder.take()).toEqual(["text on its way", "ping ", "closed 1001"]);
    const frames = recorder.sent();
    expect(frames).toHaveLength(1);
    expect(frames[0]).toMatchObject({ opcode: 8, payload: closeBody(1001, "restart") });
  });

  it("sends an empty close frame when it has no code", () => {
    const recorder = new Recorder();
    recorder.connection.close();
    expect(recorder.sent()[0]).toMatchObject({ opcode: 8, payload: Buffer.alloc(0) });
  });

  it("cuts a long reason at a character", () => {
    const recorder = new Recorder();
    recorder.connection.close(1000, "é".repeat(100));
    expect(recorder.sent()[0]!.payload.subarray(2).toString()).toBe("é".repeat(61));
  });

  it.each([0, 1004, 1005, 1006, 1015, 2999, 5000])(
    "throws for the code %i, which must not be sent (RFC 6455, 7.4.1)",
    (code) => {
      const { connection } = new Recorder();
      expect(() => connection.close(code)).toThrow(expect.objectContaining({ code: "WS_ERR_INVALID_CLOSE_CODE" }));
      expect(connection.phase).toBe("open");
    },
  );

  it("sends the reason of a failure to the peer, once, and stops reading (RFC 6455, 7.1.7)", () => {
    const recorder = new Recorder();
    feed(recorder.connection, [frame({ opcode: 1, masked: false }), frame({ opcode: 3 })]);
    expect(recorder.take()).toEqual(["failed 1002 WS_ERR_EXPECTED_MASK"]);
    const [answer] = recorder.sent();
    expect(answer!.payload).toEqual(closeBody(1002, "a frame from the client is not masked"));
  });

  it("is abnormal when the stream ends without a close frame (RFC 6455, 7.2.1)", () => {
    for (const [role, isClosing] of [
      ["server", false],
      ["server", true],
      ["client", false],
      ["client", true],
    ] as const) {
      const recorder = new Recorder(role);
      if (isClosing) recorder.connection.close(1000);
      feed(recorder.connection, [frame({ opcode: 1, payload: "half", masked: role === "server" }).subarray(0, 5)]);
      recorder.connection.receiveEnd();
      recorder.connection.receiveEnd();
      expect(recorder.take()).toEqual(["failed 1006"]);
    }
  });

  it("is not changed by the end of the stream afterwards", () => {
    const recorder = new Recorder();
    feed(recorder.connection, [closeFrame(1000)]);
    recorder.connection.receiveEnd();
    expect(recorder.take()).toEqual(["closed 1000"]);
  });
});

describe("options of a connection", () => {
  const INVALID = frame({ opcode: 1, payload: Buffer.from("61ff", "hex") });
  const CUT = [
    frame({ opcode: 1, payload: Buffer.from("e2", "hex"), fin: false }),
    frame({ opcode: 0, payload: Buffer.from("82ac", "hex") }),
  ];

  it("delivers text as bytes, and still checks it", () => {
    const recorder = new Recorder("server", {}, { text: "bytes" });
    feed(recorder.connection, [frame({ opcode: 1, payload: "a" }), frame({ opcode: 2, payload: "b" }), ...CUT]);
    expect(recorder.take()).toEqual(["bytes a", "binary 62", `bytes ${Buffer.from("€").toString("latin1")}`]);
    feed(recorder.connection, [INVALID]);
    expect(recorder.take()).toEqual(["failed 1007 WS_ERR_INVALID_UTF8"]);
  });

  it("refuses text as bytes that ends inside a character", () => {
    const recorder = new Recorder("server", {}, { text: "bytes" });
    feed(recorder.connection, [CUT[0]!, frame({ opcode: 0, payload: Buffer.from("82", "hex") })]);
    expect(recorder.take()).toEqual(["failed 1007 WS_ERR_INVALID_UTF8"]);
  });

  it("does not check text with unchecked", () => {
    const recorder = new Recorder("server", {}, { text: "unchecked" });
    feed(recorder.connection, [INVALID, CUT[0]!, frame({ opcode: 0 })]);
    expect(recorder.take()).toEqual(["bytes a\u00ff", "bytes \u00e2"]);
  });

  it("does not answer pings without autoPong", () => {
    const recorder = new Recorder("server", {}, { autoPong: false });
    feed(recorder.connection, [frame({ opcode: 9, payload: "p" })]);
    expect(recorder.take()).toEqual(["ping p"]);
    expect(recorder.bytes()).toHaveLength(0);
  });

  it("masks with the given keys", () => {
    const recorder = new Recorder("client", {}, { maskKey: () => 0x04030201 });
    recorder.connection.send("a", 1);
    expect(recorder.bytes()).toEqual(Buffer.from([0x81, 0x81, 1, 2, 3, 4, 0x60]));
  });

  it("sends a message in fragments, with control frames between", () => {
    const recorder = new Recorder();
    recorder.connection.sendFragment("a", 1, false);
    expect(recorder.connection.isSendingFragments).toBe(true);
    recorder.connection.ping();
    recorder.connection.sendFragment("b", 1, false);
    recorder.connection.sendFragment("c", 1, true);
    recorder.connection.sendFragment("d", 2, true);
    expect(recorder.connection.isSendingFragments).toBe(false);
    expect(recorder.sent().map(({ opcode, fin }) => [opcode, fin])).toEqual([
      [1, false],
      [9, true],
      [0, false],
      [0, true],
      [2, true],
    ]);
  });
});
