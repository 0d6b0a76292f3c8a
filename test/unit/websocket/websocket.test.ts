import { Duplex } from "node:stream";
import { describe, expect, it } from "vitest";
import { frameText, WebSocketError } from "../../../packages/websocket/src/core/index.ts";
import { WebSocket } from "../../../packages/websocket/src/websocket.ts";
import { frame } from "../../support/raw/frames.ts";
import { nextEvent, turn } from "../../support/waiting.ts";
import { Piped } from "./piped.ts";

describe("in memory, with a fake clock", () => {
  it("speaks over any Duplex", async () => {
    const { client, peer } = await new Piped({ protocols: ["memory"] }).opened();
    peer.send("hello");
    const [data, isBinary] = await nextEvent<[Buffer, boolean]>(client, "message");
    expect([data.toString(), isBinary, peer.protocol]).toEqual(["hello", false, "memory"]);
  });

  it("waits closeTimeout for the peer's close frame, by default 30 s", async () => {
    const { client, peer, clock } = await new Piped().opened();
    peer.pause();
    client.close(1000);
    await turn();
    clock.advance(29_999);
    await turn();
    expect(client.readyState).toBe(WebSocket.CLOSING);
    clock.advance(1);
    expect(await nextEvent(client, "close")).toEqual([1006, Buffer.alloc(0)]);
  });

  it("leaves no timer behind", async () => {
    const { client, peer, clock } = await new Piped({ client: { handshakeTimeout: 100 } }).opened();
    expect(clock.pending).toBe(0);
    const closed = nextEvent(peer, "close");
    client.close();
    await Promise.all([nextEvent(client, "close"), closed]);
    expect(clock.pending).toBe(0);
  });

  it("fails after handshakeTimeout", async () => {
    const silent = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
    const { client, clock } = new Piped({ client: { createConnection: () => silent, handshakeTimeout: 500 } });
    await turn();
    clock.advance(499);
    expect(client.readyState).toBe(WebSocket.CONNECTING);
    clock.advance(1);
    expect(await nextEvent(client, "error")).toMatchObject([
      { code: "WS_ERR_CONNECT_TIMEOUT", message: "Opening handshake has timed out" },
    ]);
    expect(silent.destroyed).toBe(true);
  });

  it("refuses a flood of control frames", async () => {
    const piped = new Piped({ server: { maxControlFramesPerSecond: 3 } });
    const { client, peer, clock } = await piped.opened();
    const failed = nextEvent<[Error]>(peer, "error");
    for (let count = 0; count < 3; count++) client.ping();
    await turn();
    clock.advance(1000);
    for (let count = 0; count < 4; count++) client.ping();
    const [error] = await failed;
    expect(error).toMatchObject({ code: "WS_ERR_TOO_MANY_CONTROL_FRAMES", closeCode: 1008 });
  });
});

describe("prepared frames", () => {
  it("reach many sockets of a server", async () => {
    const pairs = [await new Piped().opened(), await new Piped().opened()];
    const messages = Promise.all(pairs.map(({ client }) => nextEvent(client, "message")));
    const text = frameText("to all");
    for (const { peer } of pairs) peer.sendFrame(text);
    expect(await messages).toEqual([
      [Buffer.from("to all"), false],
      [Buffer.from("to all"), false],
    ]);
  });

  it("are not for clients, which have to mask", async () => {
    const { client } = await new Piped().opened();
    expect(() => client.sendFrame(frameText("x"))).toThrow(expect.objectContaining({ code: "WS_ERR_CLIENT_FRAME" }));
  });

  it("are Buffers", async () => {
    const { peer } = await new Piped().opened();
    const invalid = expect.objectContaining({ name: "UsageError", code: "WS_ERR_INVALID_FRAME" });
    expect(() => peer.sendFrame("x" as never)).toThrow(invalid);
  });
});

describe("errors without a listener", () => {
  const violation = frame({ opcode: 3, payload: "" });

  it("are not thrown on a server, which a client must not end", async () => {
    const piped = new Piped();
    const { client, peer } = await piped.opened();
    const closed = nextEvent(peer, "close");
    piped.streams[0].write(violation);
    expect(await closed).toEqual([1006, Buffer.alloc(0)]);
    expect(client.readyState).toBeGreaterThanOrEqual(WebSocket.CLOSING);
  });

  it("have a class, a code and the close code sent to the peer", async () => {
    const piped = new Piped();
    const { client, peer } = await piped.opened();
    const told = nextEvent<[number, Buffer]>(client, "close");
    const failed = nextEvent<[WebSocketError]>(peer, "error");
    piped.streams[0].write(violation);
    const [error] = await failed;
    expect(error).toBeInstanceOf(WebSocketError);
    expect([error.code, error.closeCode]).toEqual(["WS_ERR_INVALID_OPCODE", 1002]);
    const [code, reason] = await told;
    expect([code, reason.toString()]).toEqual([1002, error.message]);
  });
});

describe("callbacks of send", () => {
  it("come after the bytes have been written, not before", async () => {
    const { client, peer } = await new Piped().opened();
    const log: string[] = [];
    peer.on("message", () => log.push("message"));
    client.send("x", () => log.push("callback"));
    log.push("sent");
    await turn();
    await turn();
    expect(log[0]).toBe("sent");
    expect(log).toContain("callback");
  });

  it("report lost messages", async () => {
    const { client, peer } = await new Piped().opened();
    peer.pause();
    const outcomes: unknown[] = [];
    for (let count = 0; count < 5; count++) {
      client.send(Buffer.alloc(100_000), { binary: true }, (error) => outcomes.push(error?.message ?? "ok"));
    }
    await turn();
    client.terminate();
    await nextEvent(client, "close");
    await turn();
    expect(outcomes).toHaveLength(5);
    expect(outcomes.every((outcome) => outcome !== "ok")).toBe(true);
  });
});

describe("attributes", () => {
  it("are enumerable on the prototype, as in a browser", () => {
    for (const name of ["url", "readyState", "protocol", "bufferedAmount", "extensions", "isPaused"]) {
      const descriptor = Object.getOwnPropertyDescriptor(WebSocket.prototype, name);
      expect(descriptor).toMatchObject({ enumerable: true, configurable: true, set: undefined });
    }
    for (const name of ["binaryType", "onopen", "onmessage", "onclose", "onerror"]) {
      const descriptor = Object.getOwnPropertyDescriptor(WebSocket.prototype, name);
      expect([descriptor?.enumerable, typeof descriptor?.set]).toEqual([true, "function"]);
    }
  });

  it("count queued bytes in bufferedAmount", async () => {
    const { client } = await new Piped().opened();
    expect(client.bufferedAmount).toBe(0);
    client.send("12345");
    // Header, mask key and text.
    expect(client.bufferedAmount).toBe(2 + 4 + 5);
    await turn();
    expect(client.bufferedAmount).toBe(0);
  });
});
