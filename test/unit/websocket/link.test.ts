import { afterEach, describe, expect, it, vi } from "vitest";
import { frameText } from "../../../packages/websocket/src/core/frames/frame.ts";
import { DEFAULT_LIMITS } from "../../../packages/websocket/src/core/limits.ts";
import { StreamLink } from "../../../packages/websocket/src/link/link.ts";
import type { LinkClose, LinkHandler } from "../../../packages/websocket/src/link/link-types.ts";
import { closeBody, frame, FrameReader } from "../../support/raw/frames.ts";
import { turn } from "../../support/waiting.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { MemoryStream } from "./memory-stream.ts";

const ANSWER = Buffer.from("answer");

class Peer implements LinkHandler {
  readonly stream = new MemoryStream();
  readonly clock = new FakeClock();
  readonly link: StreamLink;
  readonly log: string[] = [];
  readonly closes: LinkClose[] = [];

  constructor() {
    const options = { role: "server", limits: DEFAULT_LIMITS, clock: this.clock, closeTimeout: 30_000 } as const;
    this.link = new StreamLink(this.stream, ANSWER, options);
  }

  onText(text: string): void {
    this.log.push(text);
  }

  onBinary(data: Buffer): void {
    this.log.push(data.toString("hex"));
  }

  onDrain(): void {
    this.log.push("drain");
  }

  onClose(close: LinkClose): void {
    this.closes.push(close);
  }

  /** Opens the link and sends the response to the handshake. */
  async opened(): Promise<this> {
    this.link.open(this);
    await turn();
    this.stream.taken();
    this.stream.writes = 0;
    return this;
  }

  /** Delivers bytes from the peer. */
  async receive(...chunks: Buffer[]): Promise<void> {
    for (const chunk of chunks) this.stream.push(chunk);
    await turn();
  }

  /** Frames that reached the peer, as opcode and payload. */
  async sent(): Promise<string[]> {
    await turn();
    return new FrameReader()
      .push(this.stream.taken())
      .map(({ opcode, payload }) => `${opcode} ${payload.toString("latin1")}`);
  }
}

const quiet: LinkHandler = { onText() {}, onBinary() {}, onDrain() {}, onClose() {} };
const text = (payload: string): Buffer => frame({ opcode: 1, payload });

describe("sending", () => {
  it("sends the response to the handshake together with the first frames", async () => {
    const { link, stream } = new Peer();
    link.sendText("first");
    expect(link.bufferedBytes).toBe(ANSWER.length + 7);
    await turn();
    expect(stream.writes).toBe(1);
    expect(stream.taken()).toEqual(Buffer.concat([ANSWER, frameText("first")]));
    expect(link.bufferedBytes).toBe(0);
  });

  it("makes one write of all frames of a tick", async () => {
    const peer = await new Peer().opened();
    peer.link.sendText("a");
    peer.link.sendBinary(Buffer.from("b"));
    peer.link.sendFrame(frameText("c"));
    peer.link.ping();
    expect(await peer.sent()).toEqual(["1 a", "2 b", "1 c", "9 "]);
    expect(peer.stream.writes).toBe(1);
  });

  it("writes corked frames on flush, and nothing later", async () => {
    const peer = await new Peer().opened();
    peer.link.cork();
    peer.link.sendText("a");
    peer.link.sendText("b");
    expect(peer.stream.writes).toBe(0);
    peer.link.flush();
    expect(peer.stream.writes).toBe(1);
    peer.link.sendText("c");
    expect(await peer.sent()).toEqual(["1 a", "1 b", "1 c"]);
    expect(peer.stream.writes).toBe(2);
  });

  it("queues corked frames while the stream is full", async () => {
    const peer = await new Peer().opened();
    peer.stream.hold();
    peer.link.sendText("x".repeat(20_000));
    await turn();
    peer.link.cork();
    peer.link.sendText("a");
    peer.link.flush();
    expect(peer.link.bufferedBytes).toBe(20_004 + 3);
    peer.stream.release();
    expect((await peer.sent()).slice(1)).toEqual(["1 a"]);
  });

  it("reports a full stream to a later handler", async () => {
    const peer = new Peer();
    const log: string[] = [];
    peer.stream.hold();
    peer.link.sendText("x".repeat(20_000));
    peer.link.flush();
    peer.link.open({ ...quiet, onFull: () => log.push("full"), onDrain: () => log.push("drain") });
    expect(log).toEqual(["full"]);
    peer.stream.release();
    await turn();
    expect(log).toEqual(["full", "drain"]);
  });

  it("makes one write of a large payload and its neighbours as well", async () => {
    const peer = await new Peer().opened();
    const large = Buffer.alloc(100_000, 1);
    peer.link.sendText("a");
    peer.link.sendBinary(large);
    peer.link.sendText("b");
    await turn();
    expect(peer.stream.writes).toBe(1);
    expect(peer.stream.written).toContain(large);
    expect((await peer.sent()).map((line) => line.length)).toEqual([3, 100_002, 3]);
  });

  it("queues frames while the stream is full, and reports when it is empty again", async () => {
    const peer = await new Peer().opened();
    peer.stream.hold();
    peer.link.sendText("x".repeat(20_000));
    await turn();
    for (const payload of ["a", "b"]) peer.link.sendText(payload);
    await turn();
    expect(peer.link.bufferedBytes).toBe(20_004 + 6);
    expect(peer.log).toEqual([]);
    peer.stream.release();
    expect((await peer.sent()).slice(1)).toEqual(["1 a", "1 b"]);
    expect(peer.log).toEqual(["drain"]);
    expect(peer.stream.writes).toBe(2);
  });

  it("does not report a drain while queued frames fill the stream again", async () => {
    const peer = await new Peer().opened();
    peer.stream.hold();
    peer.link.sendText("x".repeat(20_000));
    await turn();
    peer.link.sendText("y".repeat(20_000));
    peer.stream.step();
    await turn();
    expect(peer.stream.writes).toBe(1);
    expect(peer.log).toEqual([]);
    peer.stream.release();
    await turn();
    expect(peer.log).toEqual(["drain"]);
    expect(peer.stream.listenerCount("drain")).toBe(0);
  });

  it("queues one pong for a peer that pings and does not read", async () => {
    const peer = await new Peer().opened();
    peer.stream.hold();
    peer.link.sendText("x".repeat(20_000));
    await turn();
    for (let at = 0; at < 50; at++) await peer.receive(frame({ opcode: 9, payload: String(at) }));
    expect(peer.link.bufferedBytes).toBe(20_004);
    peer.stream.release();
    expect((await peer.sent()).slice(1)).toEqual(["10 49"]);
  });
});

describe("receiving", () => {
  it("delivers nothing before it is opened, and loses nothing", async () => {
    const peer = new Peer();
    await peer.receive(text("early"));
    expect(peer.log).toEqual([]);
    peer.link.open(peer);
    await turn();
    expect(peer.log).toEqual(["early"]);
  });

  it("continues with another handler when it is opened again", async () => {
    const peer = await new Peer().opened();
    const next: string[] = [];
    peer.link.open({ onText: (message) => next.push(message), onBinary() {}, onDrain() {}, onClose() {} });
    await peer.receive(text("a"));
    expect(next).toEqual(["a"]);
    expect(peer.log).toEqual([]);
  });

  it("pauses from the next message on", async () => {
    const peer = await new Peer().opened();
    peer.onText = (message) => {
      peer.log.push(message);
      if (message === "a") peer.link.pause();
    };
    await peer.receive(Buffer.concat([text("a"), text("b")]), text("c"));
    expect(peer.log).toEqual(["a"]);
    peer.link.resume();
    await turn();
    expect(peer.log).toEqual(["a", "b", "c"]);
  });

  it("stays paused when it is resumed and paused at once", async () => {
    const peer = await new Peer().opened();
    peer.link.pause();
    await peer.receive(text("a"));
    peer.link.resume();
    peer.link.pause();
    await turn();
    expect(peer.log).toEqual([]);
    peer.link.resume();
    await turn();
    expect(peer.log).toEqual(["a"]);
  });

  it("continues after a handler that throws", async () => {
    const errors: unknown[] = [];
    const others = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.once("uncaughtException", (error) => errors.push(error));
    const peer = await new Peer().opened();
    const onText = peer.onText.bind(peer);
    peer.onText = () => {
      peer.onText = onText;
      throw new Error("from the application");
    };
    process.nextTick(() => peer.stream.push(Buffer.concat([text("a"), text("b"), text("c")])));
    await turn();
    await turn();
    for (const listener of others) process.on("uncaughtException", listener);
    expect(errors).toMatchObject([{ message: "from the application" }]);
    expect(peer.log).toEqual(["b", "c"]);
    expect(peer.link.isOpen).toBe(true);
  });
});

describe("the end", () => {
  afterEach(() => vi.restoreAllMocks());

  it("answers the peer's close frame, ends the stream and reports once", async () => {
    const peer = await new Peer().opened();
    await peer.receive(frame({ opcode: 8, payload: closeBody(4000, "bye") }));
    expect(await peer.sent()).toEqual([`8 ${closeBody(4000, "bye").toString("latin1")}`]);
    expect(peer.stream.writableEnded).toBe(true);
    expect(peer.link.isOpen).toBe(false);
    expect(peer.closes).toEqual([]);
    peer.stream.push(null);
    await turn();
    expect(peer.closes).toEqual([{ code: 4000, reason: "bye", wasClean: true, error: undefined }]);
    expect(peer.link.stream).toBeUndefined();
    expect(peer.clock.pending).toBe(0);
  });

  it("closes, and delivers messages in flight", async () => {
    const peer = await new Peer().opened();
    peer.link.close(1001, "restart");
    peer.link.sendText("late");
    await peer.receive(text("on its way"), frame({ opcode: 8, payload: closeBody(1001) }));
    expect(await peer.sent()).toEqual([`8 ${closeBody(1001, "restart").toString("latin1")}`]);
    peer.stream.push(null);
    await turn();
    expect(peer.log).toEqual(["on its way"]);
    expect(peer.closes).toMatchObject([{ code: 1001, wasClean: true }]);
  });

  it("ends a closing handshake without an answer", async () => {
    const peer = await new Peer().opened();
    peer.link.close();
    peer.clock.advance(29_999);
    await turn();
    expect(peer.closes).toEqual([]);
    peer.clock.advance(1);
    await turn();
    expect(peer.closes).toEqual([{ code: 1006, reason: "", wasClean: false, error: undefined }]);
  });

  it("ends the stream of a peer that never ends its side", async () => {
    const peer = await new Peer().opened();
    await peer.receive(frame({ opcode: 8 }));
    peer.clock.advance(30_000);
    await turn();
    expect(peer.closes).toMatchObject([{ code: 1005, wasClean: true }]);
  });

  it("gives a peer five seconds to end its side of the stream after a violation", async () => {
    const peer = await new Peer().opened();
    peer.link.close(1000);
    await peer.receive(frame({ opcode: 1, payload: "a", masked: false }));
    peer.clock.advance(4_999);
    await turn();
    expect(peer.closes).toEqual([]);
    peer.clock.advance(1);
    await turn();
    expect(peer.closes).toMatchObject([{ code: 1002, wasClean: false, error: { code: "WS_ERR_EXPECTED_MASK" } }]);
  });

  it("flushes the links after a stream that throws", async () => {
    const [broken, sound] = [await new Peer().opened(), await new Peer().opened()];
    const errors: unknown[] = [];
    const others = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.once("uncaughtException", (error) => errors.push(error));
    broken.stream.write = () => {
      throw new Error("a stream that throws");
    };
    broken.link.sendText("a");
    sound.link.sendText("b");
    expect(await sound.sent()).toEqual(["1 b"]);
    for (const listener of others) process.on("uncaughtException", listener);
    expect(errors).toMatchObject([{ message: "a stream that throws" }]);
  });

  it("reports the peer's violation, and stops reading", async () => {
    const peer = await new Peer().opened();
    await peer.receive(frame({ opcode: 1, payload: "a", masked: false }), text("b"));
    expect(await peer.sent()).toEqual([
      `8 ${closeBody(1002, "a frame from the client is not masked").toString("latin1")}`,
    ]);
    peer.stream.push(null);
    await turn();
    expect(peer.log).toEqual([]);
    expect(peer.closes).toMatchObject([{ code: 1002, wasClean: false, error: { code: "WS_ERR_EXPECTED_MASK" } }]);
  });

  it("is abnormal when the stream ends without a close frame", async () => {
    const peer = await new Peer().opened();
    peer.link.sendText("what waits still leaves");
    peer.stream.push(null);
    expect(await peer.sent()).toHaveLength(1);
    expect(peer.closes).toEqual([{ code: 1006, reason: "", wasClean: false, error: undefined }]);
  });

  it("reports the error of the stream, and swallows later ones", async () => {
    const peer = await new Peer().opened();
    const error = new Error("reset");
    peer.link.sendText("never leaves");
    peer.stream.destroy(error);
    await turn();
    expect(peer.closes).toEqual([{ code: 1006, reason: "", wasClean: false, error }]);
    expect(() => peer.stream.emit("error", new Error("later"))).not.toThrow();
    peer.link.sendText("x");
    peer.link.close(1000);
    peer.link.terminate();
    peer.link.pause();
    peer.link.resume();
    await turn();
    expect(peer.closes).toHaveLength(1);
    expect(peer.link.bufferedBytes).toBe(0);
  });

  it("does not report a reset after a finished closing handshake", async () => {
    const peer = await new Peer().opened();
    await peer.receive(frame({ opcode: 8, payload: closeBody(1000) }));
    peer.stream.destroy(new Error("reset"));
    await turn();
    expect(peer.closes).toMatchObject([{ code: 1000, wasClean: true, error: undefined }]);
  });

  it("terminates at once", async () => {
    const peer = await new Peer().opened();
    peer.onText = (message) => {
      peer.log.push(message);
      peer.link.terminate();
    };
    await peer.receive(Buffer.concat([text("a"), text("b")]));
    expect(peer.log).toEqual(["a"]);
    expect(peer.closes).toMatchObject([{ code: 1006, wasClean: false }]);
  });

  it("is reported to a handler set too late", async () => {
    const peer = new Peer();
    peer.stream.destroy();
    await turn();
    peer.link.open(peer);
    expect(peer.closes).toEqual([]);
    await turn();
    expect(peer.closes).toMatchObject([{ code: 1006 }]);
  });

  it("is reported when the stream was destroyed before the link was made", async () => {
    const stream = new MemoryStream();
    stream.destroy();
    await turn();
    const peer = new Peer();
    const options = { role: "server", limits: DEFAULT_LIMITS, clock: peer.clock, closeTimeout: 1 } as const;
    new StreamLink(stream, ANSWER, options).open(peer);
    await turn();
    expect(peer.closes).toMatchObject([{ code: 1006 }]);
  });

  it("also ends a full stream", async () => {
    const peer = await new Peer().opened();
    peer.stream.hold();
    peer.link.sendText("x".repeat(20_000));
    await turn();
    peer.link.sendText("queued");
    await peer.receive(frame({ opcode: 8, payload: closeBody(1000) }));
    peer.stream.release();
    expect((await peer.sent()).slice(1)).toEqual(["1 queued", `8 ${closeBody(1000).toString("latin1")}`]);
    peer.stream.push(null);
    await turn();
    expect(peer.closes).toMatchObject([{ code: 1000, wasClean: true }]);
  });
});

describe("ticks that a test has replaced and drops", () => {
  afterEach(() => vi.restoreAllMocks());

  /** Runs `act` while `process.nextTick` accepts calls and makes none. */
  function withoutTicks(act: () => void): void {
    const faked = vi.spyOn(process, "nextTick").mockReturnValue();
    act();
    faked.mockRestore();
  }

  it("do not delay frames", async () => {
    const peer = await new Peer().opened();
    withoutTicks(() => peer.link.sendText("sent"));
    expect(await peer.sent()).toEqual(["1 sent"]);
    peer.link.sendText("later");
    expect(await peer.sent()).toEqual(["1 later"]);
  });

  it("delay neither resume() nor the report of a stream closed before", async () => {
    const peer = await new Peer().opened();
    peer.link.pause();
    await peer.receive(text("a"));
    withoutTicks(() => peer.link.resume());
    await turn();
    expect(peer.log).toEqual(["a"]);

    const late = new Peer();
    late.stream.destroy();
    await turn();
    withoutTicks(() => late.link.open(late));
    await turn();
    expect(late.closes).toMatchObject([{ code: 1006 }]);
  });

  it("delay nothing after a handler that throws", async () => {
    const others = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    const peer = await new Peer().opened();
    const onText = peer.onText.bind(peer);
    peer.onText = () => {
      peer.onText = onText;
      const faked = vi.spyOn(process, "nextTick").mockReturnValue();
      process.once("uncaughtException", () => faked.mockRestore());
      throw new Error("from the application");
    };
    process.nextTick(() => peer.stream.push(Buffer.concat([text("a"), text("b"), text("c")])));
    await turn();
    await turn();
    for (const listener of others) process.on("uncaughtException", listener);
    expect(peer.log).toEqual(["b", "c"]);
  });

  it("do not delay callbacks, and each is called once", async () => {
    const peer = await new Peer().opened();
    const calls: unknown[] = [];
    peer.link.sendText("a");
    peer.link.whenWritten((error) => calls.push(error));
    peer.link.terminate();
    withoutTicks(() => peer.stream.emit("close"));
    await turn();
    expect(calls).toMatchObject([expect.any(Error)]);
  });
});
