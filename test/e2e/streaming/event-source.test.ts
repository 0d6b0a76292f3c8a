/*
 * Namespaces that plain pages read: what they get, who they are, and that they can't answer.
 */
import assert from "node:assert";
import { createServer, type IncomingMessage } from "node:http";
import { type ClientHttp2Stream, connect as connectHttp2, createSecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { connect as connectTls } from "node:tls";
import { io as connectClient } from "@portage/client";
import { Server, type ServerOptions, type Socket } from "@portage/server";
import { describe, expect, test } from "vitest";
import { EventParser, type EventReader, type StreamEvent } from "../../support/peers/event-source.ts";
import { TEST_CERTIFICATE, TEST_KEY } from "../../support/servers/certificate.ts";
import { Inbox, nextEvent, within } from "../../support/waiting.ts";
import { atEnd, readAt, readFrom, station } from "./readers.ts";

const CONNECT = { name: "connect", id: undefined };

/** Returns the data of the next events, by name. */
async function heard(reader: EventReader, count: number): Promise<[string, unknown][]> {
  const all: [string, unknown][] = [];
  while (all.length < count) {
    const event = (await reader.next()) as StreamEvent;
    if (event.name !== "connect") all.push([event.name, JSON.parse(event.data)]);
  }
  return all;
}

describe("events", () => {
  test("one argument is itself, several are an array, none is null", async () => {
    const { io, read } = await station();
    const reader = read();
    const { name, id, data } = await reader.event("connect");
    expect([{ name, id }, JSON.parse(data)]).toEqual([CONNECT, { sid: expect.any(String), recovered: false }]);
    expect(reader.parser.retry).toBe(2000);
    io.emit("one", { title: "ü€😀\n\u2028" });
    io.emit("many", 1, [2], "three");
    io.emit("none");
    io.emit("list", [1, 2]);
    io.emit("message", undefined);
    expect(await heard(reader, 5)).toEqual([
      ["one", { title: "ü€😀\n\u2028" }],
      ["many", [1, [2], "three"]],
      ["none", null],
      ["list", [1, 2]],
      ["message", null],
    ]);
  });

  test("names of EventSource itself get a dollar, and line breaks can't inject a field", async () => {
    const { io, read } = await station();
    const reader = read();
    await reader.event("connect");
    for (const name of ["open", "error", "refused", "a\ndata: 1\r\nb", " c"]) io.emit(name, 1);
    const names = (await heard(reader, 5)).map(([name]) => name);
    expect(names).toEqual(["$open", "$error", "$refused", "a data: 1  b", " c"]);
  });

  test("bytes are base64, or the event is left out", async () => {
    const { io, port } = await station();
    const httpServer = createServer(io.of("/omit").eventSource({ binary: "omit" }));
    await new Promise<void>((resolve) => httpServer.listen(0, "127.0.0.1", resolve));
    atEnd(() => httpServer.close());
    const readers = [
      readAt(port, "/socket.io/?transport=sse&nsp=omit"),
      readAt((httpServer.address() as AddressInfo).port, "/"),
    ] as const;
    for (const reader of readers) await reader.event("connect");
    io.of("/omit").emit("bytes", { a: [Buffer.from("hi"), new Uint8Array([255])] });
    io.of("/omit").emit("text", 1);
    expect(await heard(readers[0], 2)).toEqual([
      ["bytes", { a: [{ _bytes: "aGk=" }, { _bytes: "/w==" }] }],
      ["text", 1],
    ]);
    expect(await heard(readers[1], 1)).toEqual([["text", 1]]);
  });

  test("a large broadcast arrives whole, and so do others of the same tick", async () => {
    const { io, read } = await station({ connectionStateRecovery: {} });
    const reader = read();
    await reader.event("connect");
    const text = "€".repeat(400_000);
    io.emit("large", text);
    io.emit("small", 1);
    io.emit("large", text);
    expect(await heard(reader, 3)).toEqual([
      ["large", text],
      ["small", 1],
      ["large", text],
    ]);
  });

  test("a page that the server disconnects hears it, and its stream ends", async () => {
    const { io, read } = await station();
    io.on("connection", (socket) => socket.disconnect());
    const names = (await read().rest()).map(({ name }) => name);
    expect(names).toEqual(["connect", "disconnect"]);
    expect(io.engine.clientsCount).toBe(0);
  });

  test("it is counted by its transport, and a page that leaves is gone", async () => {
    const { io, read } = await station();
    const connection = nextEvent<[Socket]>(io, "connection");
    const reader = read();
    const [socket] = await connection;
    expect(socket.conn.transport.name).toBe("sse");
    expect(io.stats().sessions).toMatchObject({ open: 1, byTransport: { sse: 1 } });
    expect(io.metrics()).toMatch(/transport="sse"\} 1/);
    const gone = nextEvent(socket, "disconnect");
    reader.cut();
    expect(await gone).toEqual(["transport close", undefined]);
    expect(io.stats().sessions.byTransport).toEqual({});
  });

  test("pings are comments, and a page needs no answer to stay", async () => {
    const { io, read } = await station({ pingInterval: 20, pingTimeout: 20 });
    const reader = read();
    await reader.event("connect");
    while (reader.parser.comments.length < 5) {
      io.emit("tick");
      await reader.event("tick");
    }
    expect(io.engine.clientsCount).toBe(1);
  });
});

describe("acknowledgements", () => {
  test("one reader: they fail at once with a code, and the event arrives", async () => {
    const { io, read } = await station({ connectionStateRecovery: {} });
    const connection = nextEvent<[Socket]>(io, "connection");
    const reader = read();
    const [socket] = await connection;
    const failure = new Promise<unknown>((resolve) => socket.timeout(60_000).emit("ask", 1, resolve));
    expect(await within(failure, "the failure")).toMatchObject({ code: "CLIENT_READS_ONLY" });
    await expect(socket.timeout(60_000).emitWithAck("ask", 2)).rejects.toMatchObject({ code: "CLIENT_READS_ONLY" });
    await expect(socket.emitWithAck("ask", 3)).rejects.toMatchObject({ code: "CLIENT_READS_ONLY" });
    expect(await heard(reader, 3)).toEqual([
      ["ask", 1],
      ["ask", 2],
      ["ask", 3],
    ]);
    expect(socket.acks.size).toBe(0);
  });

  test("a room: the others answer", async () => {
    const { io, read, port } = await station();
    const reader = read();
    await reader.event("connect");
    const client = connectClient(`http://127.0.0.1:${port}`, { transports: ["websocket"], forceNew: true });
    atEnd(() => client.disconnect());
    client.on("ask", (_n: number, answer: (text: string) => void) => answer("here"));
    await nextEvent(client, "connect");
    expect(await io.timeout(10_000).emitWithAck("ask", 1)).toEqual(["here"]);
    expect(await heard(reader, 1)).toEqual([["ask", 1]]);
  });
});

describe("who reads", () => {
  test.each([
    ["a parameter", "&token=a%20b", {}],
    ["a cookie", "", { cookie: "x=1; token=a%20b" }],
    ["an authorization", "", { authorization: "bearer a_b" }],
    ["the parameter first", "&token=a%20b", { cookie: "token=c", authorization: "Bearer d" }],
  ])("its token comes from %s", async (_name, query, headers) => {
    const { io, read } = await station();
    const connection = nextEvent<[Socket]>(io, "connection");
    read(query, headers);
    const [{ handshake }] = await connection;
    expect(String(handshake.auth["token"]).replace("_", " ")).toBe("a b");
  });

  test("the program's own credentials and rooms, before its listeners run", async () => {
    const { io } = await station();
    const seen: unknown[] = [];
    io.of("/news").on("connection", (socket) => seen.push([...socket.rooms], socket.handshake.auth));
    const http = createServer(
      io.of("/news").eventSource({
        auth: async (req) => ({ user: req.headers["x-user"] }),
        rooms: (req) => [`of ${req.url}`],
        retry: 500,
      }),
    );
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    atEnd(() => http.close());
    const reader = readAt((http.address() as AddressInfo).port, "/events?sid=mine&EIO=3", { "x-user": "ada" });
    const { data } = await reader.event("connect");
    const { sid } = JSON.parse(data) as { sid: string };
    expect(seen).toEqual([["of /events?sid=mine&EIO=3", sid], { user: "ada" }]);
    expect(reader.parser.retry).toBe(500);
  });

  test.each(["throws", "rejects"])("credentials whose function %s refuse the page, and are reported", async (how) => {
    const { io } = await station();
    const failure = nextEvent(io, "handler_error");
    const auth = (): Promise<undefined> => {
      if (how === "throws") throw new Error("mine");
      return Promise.reject(new Error("mine"));
    };
    const events = await (await readFrom(io.of("/news").eventSource({ auth }))).rest();
    expect(events.map(({ name, data }) => [name, JSON.parse(data)])).toEqual([
      ["refused", { message: "Internal server error" }],
    ]);
    expect(await failure).toMatchObject([{ message: "mine" }, { handler: "connecting" }]);
  });

  test.each<[string, () => unknown]>([
    ["throws", () => assert.fail("mine")],
    ["returns a promise", () => Promise.resolve(["a"])],
  ])("rooms whose function %s refuse the page, and are reported", async (_how, rooms) => {
    const { io } = await station();
    const failure = nextEvent(io, "handler_error");
    const reader = await readFrom(io.of("/news").eventSource({ rooms: rooms as never }));
    const events = await reader.rest();
    expect(events.map(({ name, data }) => [name, JSON.parse(data)])).toEqual([
      ["refused", { message: "Internal server error" }],
    ]);
    expect(await failure).toMatchObject([expect.any(Error), { handler: "connecting" }]);
    expect([io.of("/news").sockets.size, io.engine.clientsCount]).toEqual([0, 0]);
  });

  test.each([["one"], [["one"]], [() => "one"]])("rooms may be %j", async (rooms) => {
    const { io } = await station();
    const reader = await readFrom(io.of("/").eventSource({ rooms }));
    await reader.event("connect");
    io.to("one").emit("n", 1);
    expect(await heard(reader, 1)).toEqual([["n", 1]]);
  });

  test("a server that is not attached anywhere serves pages all the same", async () => {
    const io = new Server();
    const http = createServer(io.of("/news").eventSource());
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    atEnd(async () => {
      await io.close();
      http.close();
    });
    const reader = readAt((http.address() as AddressInfo).port, "/");
    await reader.event("connect");
    io.of("/news").emit("n", 1);
    expect(await heard(reader, 1)).toEqual([["n", 1]]);
  });

  test("middlewares of the engine and of the namespace see it", async () => {
    const { io, read } = await station();
    const seen: (string | undefined)[] = [];
    io.engine.use((req: IncomingMessage, _res: unknown, next: () => void) => {
      seen.push(req.url);
      next();
    });
    io.use((socket, next) => {
      seen.push(socket.conn.transport.name);
      next();
    });
    await read("&x=1").event("connect");
    expect(seen).toEqual(["/socket.io/?transport=sse&x=1", "sse"]);
  });
});

describe("versions of HTTP", () => {
  test("HTTP/1.0: the end of the connection ends the stream, and nothing is chunked", async () => {
    const { io, port } = await station();
    const { connect } = await import("node:net");
    const stream = connect(port, "127.0.0.1").setEncoding("utf8");
    atEnd(() => stream.destroy());
    stream.write("GET /socket.io/?transport=sse HTTP/1.0\r\n\r\n");
    let text = "";
    stream.on("data", (chunk: string) => (text += chunk));
    await nextEvent(io, "connection");
    io.emit("n", 1);
    io.disconnectSockets();
    await nextEvent(stream, "end");
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*Connection: close\r\n\r\nretry: 2000\n/);
    expect(text).toMatch(/\n\nevent: n\ndata: 1\n\nevent: disconnect\ndata: null\n\n$/);
    expect(text).not.toMatch(/chunked/i);
  });

  /** Opens a connection of HTTP/2 to a server. */
  async function overHttp2(options: Partial<ServerOptions>): Promise<{ io: Server; page: () => ClientHttp2Stream }> {
    const http2 = createSecureServer({ key: TEST_KEY, cert: TEST_CERTIFICATE, allowHTTP1: true });
    const io = new Server(http2, { transports: ["sse"], ...options });
    await new Promise<void>((resolve) => http2.listen(0, "127.0.0.1", resolve));
    atEnd(() => io.close());
    const { port } = http2.address() as AddressInfo;
    const session = connectHttp2("https://localhost", {
      createConnection: () => connectTls({ port, host: "127.0.0.1", ALPNProtocols: ["h2"], rejectUnauthorized: false }),
    });
    atEnd(() => session.destroy());
    const page = (): ClientHttp2Stream =>
      session
        .request({ ":path": "/socket.io/?transport=sse" })
        .setEncoding("utf8")
        .on("error", () => undefined);
    return { io, page };
  }

  test("HTTP/2: its streams share a connection", async () => {
    const { io, page } = await overHttp2({ connectionStateRecovery: {} });
    const streams = Array.from({ length: 12 }, () => {
      const stream = page();
      const names: string[] = [];
      const parser = new EventParser(({ name }) => names.push(name));
      stream.on("data", (chunk: string) => parser.read(chunk));
      return { stream, names, parser };
    });
    for (let open = 0; open < streams.length; open += 1) await nextEvent(io, "connection");
    io.emit("n", "x".repeat(20_000));
    io.emit("m");
    io.disconnectSockets();
    await within(Promise.all(streams.map(({ stream }) => nextEvent(stream, "end"))), "the ends");
    for (const { names, parser } of streams) {
      expect(names).toEqual(["connect", "n", "m", "disconnect"]);
      expect(parser.lastEventId).toMatch(/^[\w-]{20}\../);
    }
  });

  test("HTTP/2: a stream that stalls is ended by the limits of slow readers, beside one that reads", async () => {
    const { io, page } = await overHttp2({ slowReader: { soft: 1e5, hard: 5e5 } });
    const connection = nextEvent<[Socket]>(io, "connection");
    page();
    const [socket] = await connection;
    const other = nextEvent(io, "connection");
    const reading = page();
    const got = new Inbox<string>("an event of the page that reads");
    const parser = new EventParser(({ name }) => name === "n" && got.push(name));
    reading.on("data", (chunk: string) => parser.read(chunk));
    await other;
    const gone = nextEvent(socket, "disconnect");
    for (let sent = 0; socket.connected && sent < 500; sent += 1) {
      io.emit("n", "x".repeat(20_000));
      await got.next();
    }
    await gone;
    expect(socket.closeReason).toMatchObject({ code: "SLOW_READER", limit: 5e5 });
    expect(io.engine.clientsCount).toBe(1);
  });
});
