import { describe, expect, it } from "vitest";
import { nextEvent } from "../support/waiting.ts";
import { closeBody, frame } from "../support/raw/frames.ts";
import {
  ending,
  IMPLEMENTATIONS,
  streamOf,
  textOf,
  newClient,
  nextMessage,
  openPair,
  startServer,
  urlOf,
} from "./websocket-api.ts";

describe.each(IMPLEMENTATIONS)("a socket of %s", (_name, api) => {
  const { WebSocket } = api;

  it("knows the ready states on the class and on each socket", async () => {
    const { client } = await openPair(api);
    const states = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 };
    expect(pick(WebSocket, Object.keys(states))).toEqual(states);
    expect(pick(client, Object.keys(states))).toEqual(states);
  });

  it("goes through the ready states", async () => {
    const server = await startServer(api);
    const client = newClient(api, urlOf(server));
    expect(client.readyState).toBe(WebSocket.CONNECTING);
    await nextEvent(client, "open");
    expect(client.readyState).toBe(WebSocket.OPEN);
    client.close();
    expect(client.readyState).toBe(WebSocket.CLOSING);
    await nextEvent(client, "close");
    expect(client.readyState).toBe(WebSocket.CLOSED);
  });

  it("starts with these properties", async () => {
    const server = await startServer(api);
    const client = newClient(api, urlOf(server, "/path?query"));
    expect(pick(client, ["url", "protocol", "extensions", "binaryType", "bufferedAmount", "isPaused"])).toEqual({
      url: urlOf(server, "/path?query"),
      protocol: "",
      extensions: "",
      binaryType: "nodebuffer",
      bufferedAmount: 0,
      isPaused: false,
    });
    expect([client.onopen, client.onmessage, client.onclose, client.onerror]).toEqual([null, null, null, null]);
  });

  describe("messages", () => {
    it("delivers text as a Buffer that is not binary", async () => {
      const { client, peer } = await openPair(api);
      client.send("grüß");
      expect(await nextMessage(peer)).toEqual({ data: Buffer.from("grüß"), isBinary: false });
    });

    const bytes = Buffer.from([1, 2, 3, 4]);
    it.each([
      ["a Buffer", bytes],
      ["a Uint8Array", new Uint8Array([0, 1, 2, 3, 4]).subarray(1)],
      ["a DataView", new DataView(new Uint8Array([0, 1, 2, 3, 4]).buffer, 1)],
      ["a Uint16Array", new Uint16Array(new Uint8Array(bytes).buffer)],
      ["an ArrayBuffer", new Uint8Array(bytes).buffer],
      ["an array of numbers", [1, 2, 3, 4]],
    ])("sends %s as binary", async (_kind, data) => {
      const { client, peer } = await openPair(api);
      client.send(data);
      expect(await nextMessage(peer)).toEqual({ data: bytes, isBinary: true });
    });

    it("sends a number as text of its digits", async () => {
      const { client, peer } = await openPair(api);
      client.send(-12.5);
      const { data } = await nextMessage(peer);
      expect(String(data)).toBe("-12.5");
    });

    it("sends nothing as an empty message", async () => {
      const { client, peer } = await openPair(api);
      client.send(undefined as never);
      expect(await nextMessage(peer)).toMatchObject({ data: Buffer.alloc(0) });
      client.send("");
      expect(await nextMessage(peer)).toEqual({ data: Buffer.alloc(0), isBinary: false });
    });

    it("follows the option binary", async () => {
      const { client, peer } = await openPair(api);
      client.send(Buffer.from("text"), { binary: false });
      expect(await nextMessage(peer)).toEqual({ data: Buffer.from("text"), isBinary: false });
      client.send("bytes", { binary: true });
      expect(await nextMessage(peer)).toEqual({ data: Buffer.from("bytes"), isBinary: true });
    });

    it("joins parts sent with fin false", async () => {
      const { client, peer } = await openPair(api);
      client.send("a", { fin: false });
      client.send("b", { fin: false });
      client.send("c", { fin: true });
      expect(await nextMessage(peer)).toEqual({ data: Buffer.from("abc"), isBinary: false });
      client.send("next");
      expect(await nextMessage(peer)).toEqual({ data: Buffer.from("next"), isBinary: false });
    });

    it("delivers binary messages as an ArrayBuffer on request", async () => {
      const { client, peer } = await openPair(api);
      peer.binaryType = "arraybuffer";
      client.send(bytes);
      const { data, isBinary } = await nextMessage(peer);
      expect(isBinary).toBe(true);
      expect(data).toBeInstanceOf(ArrayBuffer);
      expect(Buffer.from(data as ArrayBuffer)).toEqual(bytes);
      client.send(Buffer.alloc(0));
      expect((await nextMessage(peer)).data).toEqual(new ArrayBuffer(0));
    });

    it("delivers binary messages as fragments on request", async () => {
      const { client, peer } = await openPair(api);
      peer.binaryType = "fragments";
      client.send(bytes);
      const { data } = await nextMessage(peer);
      expect(Buffer.concat(data as Buffer[])).toEqual(bytes);
    });

    it("delivers text as a Buffer whatever the binary type", async () => {
      const { client, peer } = await openPair(api);
      peer.binaryType = "arraybuffer";
      client.send("text");
      expect(await nextMessage(peer)).toEqual({ data: Buffer.from("text"), isBinary: false });
    });

    it("ignores unknown binary types", async () => {
      const { client } = await openPair(api);
      client.binaryType = "unknown" as never;
      expect(client.binaryType).toBe("nodebuffer");
    });

    it("calls back when a message was sent, in order", async () => {
      const { client } = await openPair(api);
      const calls: string[] = [];
      const sent = new Promise<void>((resolve) => {
        client.send("a", (error) => calls.push(`a ${error ?? "ok"}`));
        client.send(Buffer.alloc(100_000), { binary: true }, (error) => calls.push(`b ${error ?? "ok"}`));
        client.send("c", undefined, () => resolve());
      });
      await sent;
      expect(calls).toEqual(["a ok", "b ok"]);
    });

    it("refuses data that cannot be sent", async () => {
      const { client } = await openPair(api);
      expect(() => client.send({} as never)).toThrow(TypeError);
      expect(() => client.send(Symbol("s") as never)).toThrow(TypeError);
    });
  });

  describe("sending before and after", () => {
    it("throws while connecting", async () => {
      const server = await startServer(api);
      const client = newClient(api, urlOf(server));
      const sentence = "WebSocket is not open: readyState 0 (CONNECTING)";
      for (const verb of ["send", "ping", "pong"] as const) expect(() => client[verb]("x")).toThrow(sentence);
    });

    it("counts and reports messages after close", async () => {
      const { client } = await openPair(api);
      client.close();
      client.send("four");
      client.ping("1234");
      const error = await new Promise((resolve) => client.pong(Buffer.alloc(2), undefined, resolve));
      expect(error).toMatchObject({ message: "WebSocket is not open: readyState 2 (CLOSING)" });
      await nextEvent(client, "close");
      expect(client.bufferedAmount).toBe(10);
      const late = await new Promise((resolve) => client.send("late", resolve));
      expect(late).toMatchObject({ message: "WebSocket is not open: readyState 3 (CLOSED)" });
    });
  });

  describe("ping and pong", () => {
    it("carries data, and answers pings", async () => {
      const { client, peer } = await openPair(api);
      const pinged = nextEvent<[Buffer]>(peer, "ping");
      const answered = nextEvent<[Buffer]>(client, "pong");
      client.ping("hi");
      expect(await pinged).toEqual([Buffer.from("hi")]);
      expect(await answered).toEqual([Buffer.from("hi")]);
    });

    it("takes numbers, nothing, and a callback in each place", async () => {
      const { client, peer } = await openPair(api);
      const pongs: string[] = [];
      peer.on("pong", (data) => pongs.push(data.toString()));
      await new Promise((resolve) => client.pong(resolve));
      await new Promise((resolve) => client.pong(7, resolve));
      await new Promise((resolve) => client.pong("x", true, resolve));
      client.ping();
      await nextEvent(peer, "ping");
      expect(pongs).toEqual(["", "7", "x"]);
    });

    it("refuses more than 125 bytes", async () => {
      const { client } = await openPair(api);
      for (const verb of ["ping", "pong"] as const) {
        expect(() => client[verb](Buffer.alloc(126))).toThrow(RangeError);
        expect(() => client[verb](Buffer.alloc(126))).toThrow("The data size must not be greater than 125 bytes");
      }
    });

    it("does not answer pings without autoPong", async () => {
      const { client, peer } = await openPair(api, { server: { autoPong: false } });
      let pongs = 0;
      client.on("pong", () => pongs++);
      client.ping("1");
      await nextEvent(peer, "ping");
      peer.send("after");
      await nextMessage(client);
      expect(pongs).toBe(0);
    });
  });

  describe("closing", () => {
    it("reports code and reason to both ends", async () => {
      const { client, peer } = await openPair(api);
      const both = Promise.all([ending(client), ending(peer)]);
      client.close(3001, "reason");
      expect(await both).toEqual([
        [3001, "reason"],
        [3001, "reason"],
      ]);
    });

    it("is 1005 without a code", async () => {
      const { client, peer } = await openPair(api);
      const both = Promise.all([ending(client), ending(peer)]);
      peer.close();
      expect(await both).toEqual([
        [1005, ""],
        [1005, ""],
      ]);
    });

    it("reports the reason as a Buffer", async () => {
      const { client, peer } = await openPair(api);
      client.close(1000, Buffer.from("bytes"));
      expect(await nextEvent(peer, "close")).toEqual([1000, Buffer.from("bytes")]);
    });

    it.each([0, 999, 1004, 1005, 1006, 1015, 2999, 5000, "1000"])("refuses code %s", async (code) => {
      const { client } = await openPair(api);
      expect(() => client.close(code as number)).toThrow(TypeError);
      expect(() => client.close(code as number)).toThrow("First argument must be a valid error code number");
    });

    it("refuses a reason of more than 123 bytes", async () => {
      const { client } = await openPair(api);
      expect(() => client.close(1000, "ü".repeat(62))).toThrow(RangeError);
    });

    it("does nothing more than once", async () => {
      const { client } = await openPair(api);
      client.close(1000);
      client.close(3000);
      expect(await ending(client)).toEqual([1000, ""]);
      client.close();
      client.terminate();
    });

    it("delivers messages sent before the peer's close frame", async () => {
      const { client, peer } = await openPair(api);
      const messages: string[] = [];
      client.on("message", (data) => messages.push(textOf(data)));
      client.close();
      peer.send("still");
      peer.send("here");
      await nextEvent(client, "close");
      expect(messages).toEqual(["still", "here"]);
    });

    it("is 1006 for the other end of a terminated one, without an error", async () => {
      const { client, peer } = await openPair(api);
      const errors: unknown[] = [];
      for (const socket of [client, peer]) socket.on("error", (error) => errors.push(error));
      const both = Promise.all([ending(client), ending(peer)]);
      client.terminate();
      expect(client.readyState).toBe(WebSocket.CLOSING);
      expect(await both).toEqual([
        [1006, ""],
        [1006, ""],
      ]);
      expect(errors).toEqual([]);
    });

    it("sends messages sent before terminate", async () => {
      const { client, peer } = await openPair(api);
      const came = nextMessage(peer);
      client.send("last words");
      client.terminate();
      expect(await came).toMatchObject({ data: Buffer.from("last words") });
    });

    it("is 1006 after open if the server ends the stream at once", async () => {
      const server = await startServer(api);
      server.on("connection", (socket) => streamOf(socket).end());
      const client = newClient(api, urlOf(server));
      await nextEvent(client, "open");
      expect(await ending(client)).toEqual([1006, ""]);
    });

    it("is 1006 when the stream ends without a close frame", async () => {
      const { client, peer } = await openPair(api);
      const ended = ending(client);
      streamOf(peer).end();
      expect(await ended).toEqual([1006, ""]);
    });

    it("destroys the stream of a peer that does not answer, after closeTimeout", async () => {
      const { client, peer } = await openPair(api, { client: { closeTimeout: 20 } });
      peer.pause();
      client.close();
      expect(await ending(client)).toEqual([1006, ""]);
    });
  });

  describe("pausing", () => {
    it("stops delivery", async () => {
      const { client, peer } = await openPair(api);
      const messages: string[] = [];
      client.on("message", (data) => messages.push(textOf(data)));
      client.pause();
      expect(client.isPaused).toBe(true);
      peer.send("a");
      await new Promise((resolve) => peer.ping(resolve));
      expect(messages).toEqual([]);
      const came = nextMessage(client);
      client.resume();
      expect(client.isPaused).toBe(false);
      await came;
      expect(messages).toEqual(["a"]);
    });

    it("does nothing before open and after close", async () => {
      const server = await startServer(api);
      const client = newClient(api, urlOf(server));
      client.pause();
      expect(client.isPaused).toBe(false);
      await nextEvent(client, "open");
      client.close();
      await nextEvent(client, "close");
      client.pause();
      expect(client.isPaused).toBe(false);
    });
  });

  describe("a peer that breaks the protocol", () => {
    it.each([
      ["WS_ERR_EXPECTED_MASK", 1002, Buffer.from([0x81, 0x01, 0x61])],
      ["WS_ERR_INVALID_OPCODE", 1002, frame({ opcode: 3, payload: "" })],
      ["WS_ERR_UNEXPECTED_RSV_2_3", 1002, frame({ opcode: 1, payload: "", reserved: 2 })],
      ["WS_ERR_UNEXPECTED_RSV_1", 1002, frame({ opcode: 1, payload: "", reserved: 4 })],
      ["WS_ERR_INVALID_UTF8", 1007, frame({ opcode: 1, payload: Buffer.from([0xff]) })],
      ["WS_ERR_INVALID_CLOSE_CODE", 1002, frame({ opcode: 8, payload: closeBody(1005) })],
      ["WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH", 1002, frame({ opcode: 9, payload: "x".repeat(126) })],
      ["WS_ERR_EXPECTED_FIN", 1002, frame({ opcode: 9, payload: "", fin: false })],
      ["WS_ERR_UNSUPPORTED_MESSAGE_LENGTH", 1009, frame({ opcode: 2, payload: Buffer.alloc(51) })],
    ])("causes error %s and 1006; the peer gets %d", async (code, closeCode, bytes) => {
      const { client, peer } = await openPair(api, { server: { maxPayload: 50 } });
      const log: string[] = [];
      peer.on("error", (error) =>
        log.push(`error ${(error as NodeJS.ErrnoException).code} in state ${peer.readyState}`),
      );
      peer.on("close", (code) => log.push(`close ${code} in state ${peer.readyState}`));
      const both = Promise.all([ending(client), ending(peer)]);
      streamOf(client).write(bytes);
      const [[seen]] = await both;
      expect(seen).toBe(closeCode);
      expect(log).toEqual([`error ${code} in state 2`, "close 1006 in state 3"]);
    });
  });
});

function pick(source: unknown, names: string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, (source as Record<string, unknown>)[name]]));
}
