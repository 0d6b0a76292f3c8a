import { createHash, randomBytes } from "node:crypto";
import { pipeline } from "node:stream/promises";
import { Readable, type Duplex, type DuplexOptions } from "node:stream";
import type { WebSocket } from "@portage/websocket";
import { describe, expect, it } from "vitest";
import { nextEvent, within } from "../support/waiting.ts";
import {
  afterwards,
  ending,
  IMPLEMENTATIONS,
  newClient,
  nextMessage,
  openPair,
  startServer,
  streamOf,
  urlOf,
} from "./websocket-api.ts";

describe.each(IMPLEMENTATIONS)("createWebSocketStream of %s", (_name, api) => {
  async function connected(options?: DuplexOptions): Promise<{ duplex: Duplex; client: WebSocket; peer: WebSocket }> {
    const { client, peer } = await openPair(api);
    const duplex = api.createWebSocketStream(client, options);
    afterwards(() => duplex.on("error", () => undefined).destroy());
    return { duplex, client, peer };
  }

  it("writes chunks as binary messages, and strings in their encoding", async () => {
    const { duplex, peer } = await connected();
    duplex.write(Buffer.from("bytes"));
    expect(await nextMessage(peer)).toEqual({ data: Buffer.from("bytes"), isBinary: true });
    duplex.write("text");
    expect(await nextMessage(peer)).toEqual({ data: Buffer.from("text"), isBinary: true });
  });

  it("writes strings as text without decodeStrings", async () => {
    const { duplex, peer } = await connected({ decodeStrings: false });
    duplex.write("text");
    expect(await nextMessage(peer)).toEqual({ data: Buffer.from("text"), isBinary: false });
  });

  it("reads messages", async () => {
    const { duplex, peer } = await connected({ encoding: "utf8" });
    peer.send("text");
    expect(await nextEvent(duplex, "data")).toEqual(["text"]);
  });

  it("reads text as strings in readableObjectMode", async () => {
    const { duplex, peer } = await connected({ readableObjectMode: true });
    peer.send("text");
    expect(await nextEvent(duplex, "data")).toEqual(["text"]);
    peer.send(Buffer.from("bytes"));
    expect(await nextEvent(duplex, "data")).toEqual([Buffer.from("bytes")]);
  });

  it("ignores objectMode", async () => {
    const { duplex } = await connected({ objectMode: true, writableObjectMode: true });
    expect([duplex.readableObjectMode, duplex.writableObjectMode]).toEqual([false, false]);
  });

  it("may be written to before the socket is open", async () => {
    const server = await startServer(api);
    const message = new Promise((resolve) => server.on("connection", (socket) => socket.on("message", resolve)));
    const duplex = api.createWebSocketStream(newClient(api, urlOf(server)));
    duplex.end("early");
    expect(await message).toEqual(Buffer.from("early"));
    duplex.resume();
    await nextEvent(duplex, "close");
  });

  it("closes the socket when it is ended", async () => {
    const { duplex, peer } = await connected();
    const ended = ending(peer);
    duplex.end("last");
    duplex.resume();
    expect(await nextMessage(peer)).toMatchObject({ data: Buffer.from("last") });
    expect(await ended).toEqual([1005, ""]);
    await nextEvent(duplex, "close");
  });

  it("ends when the socket is closed by the peer", async () => {
    const { duplex, peer } = await connected();
    const log: string[] = [];
    for (const event of ["end", "finish", "close", "error"]) duplex.on(event, () => log.push(event));
    duplex.resume();
    peer.close();
    await nextEvent(duplex, "end");
    duplex.end();
    await nextEvent(duplex, "close");
    expect(log).toEqual(["end", "finish", "close"]);
  });

  it("terminates the socket when it is destroyed", async () => {
    const { duplex, client, peer } = await connected();
    const ended = ending(peer);
    duplex.destroy();
    expect(await ended).toEqual([1006, ""]);
    if (!duplex.closed) await nextEvent(duplex, "close");
    expect(client.readyState).toBe(3);
  });

  it("emits the error passed to destroy", async () => {
    const { duplex } = await connected();
    duplex.destroy(new Error("own"));
    expect(await nextEvent(duplex, "error")).toMatchObject([{ message: "own" }]);
  });

  it("fails with a socket that cannot connect", async () => {
    const client = newClient(api, "ws://127.0.0.1:1");
    const duplex = api.createWebSocketStream(client);
    const closed = new Promise((resolve) => duplex.on("close", resolve));
    expect(await nextEvent(duplex, "error")).toMatchObject([{ code: expect.stringMatching(/^E/) }]);
    await within(closed, "the close of the stream");
  });

  it("can be destroyed before the socket is open", async () => {
    const server = await startServer(api);
    const duplex = api.createWebSocketStream(newClient(api, urlOf(server)));
    duplex.destroy();
    expect(await nextEvent(duplex, "error")).toMatchObject([
      { message: "WebSocket was closed before the connection was established" },
    ]);
  });

  it("fails on a violation by the peer, which still gets the close code", async () => {
    const { duplex, peer } = await connected();
    const ended = ending(peer);
    const failed = nextEvent(duplex, "error");
    streamOf(peer).write(Buffer.from([0xc1, 0]));
    expect(await failed).toMatchObject([{ code: "WS_ERR_UNEXPECTED_RSV_1" }]);
    expect((await ended)[0]).toBe(1002);
  });

  it("slows the peer down when the program does not read, and loses nothing", async () => {
    const { duplex, client, peer } = await connected();
    const sent = randomBytes(3_000_000);
    for (let at = 0; at < sent.length; at += 100_000) peer.send(sent.subarray(at, at + 100_000));
    peer.close();
    // The first read starts it.
    duplex.read(0);
    while (!client.isPaused) await new Promise((resolve) => setImmediate(resolve));
    const chunks: Buffer[] = [];
    for await (const chunk of duplex) chunks.push(chunk as Buffer);
    expect(digest(Buffer.concat(chunks))).toBe(digest(sent));
  });

  it("carries a pipeline both ways", async () => {
    const server = await startServer(api);
    server.on("connection", (socket) => {
      const echo = api.createWebSocketStream(socket);
      echo.on("error", () => undefined).pipe(echo);
    });
    const duplex = api.createWebSocketStream(newClient(api, urlOf(server)));
    const sent = randomBytes(2_000_000);
    let received = 0;
    const hash = createHash("sha256");
    const all = new Promise<void>((resolve) => {
      duplex.on("data", (chunk: Buffer) => {
        hash.update(chunk);
        if ((received += chunk.length) === sent.length) resolve();
      });
    });
    void pipeline(Readable.from(slices(sent, 70_000), { objectMode: false }), duplex, { end: false });
    await all;
    expect(hash.digest("hex")).toBe(digest(sent));
    duplex.end();
    await nextEvent(duplex, "close");
  });
});

function digest(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function* slices(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
