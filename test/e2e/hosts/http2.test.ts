import { EventEmitter, once } from "node:events";
import type { Server as HttpServer } from "node:http";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  createSecureServer,
} from "node:http2";
import type { Socket } from "socket.io";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { TEST_CERTIFICATE, TEST_KEY } from "../../support/servers/certificate.ts";
import { type Running, serve } from "../../support/servers/host.ts";
import { data, RawHttp2, reset } from "../../support/raw/http2.ts";
import { subject } from "../../support/targets.ts";
import { nextEvent, within } from "../../support/waiting.ts";

// Polling over HTTP/2, as browsers use it if the server allows it. WebSockets stay on HTTP/1.

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup; cleanup = cleanups.pop()) await cleanup();
});

const PATH = "/socket.io/?EIO=4&transport=polling";

async function start(options: object = {}): Promise<Running> {
  const http = createSecureServer({ key: TEST_KEY, cert: TEST_CERTIFICATE, allowHTTP1: true });
  const running = await serve(subject, options, http as unknown as HttpServer);
  cleanups.push(() => running.stop());
  return running;
}

/** A client that has joined the main namespace. */
class Client {
  readonly http: RawHttp2;
  readonly path: string;
  readonly socket: Socket;
  readonly heard: unknown[] = [];

  constructor(http: RawHttp2, path: string, socket: Socket) {
    this.http = http;
    this.path = path;
    this.socket = socket;
    socket.onAny((...event: unknown[]) => this.heard.push(event));
  }

  static async connect({ io, port }: Running, headers: Record<string, string> = {}): Promise<Client> {
    const http = await RawHttp2.open(port);
    cleanups.push(() => http.tls.destroy());
    const { sid } = JSON.parse((await http.get(PATH, headers)).slice(1)) as { sid: string };
    const path = `${PATH}&sid=${sid}`;
    const joined = nextEvent<[Socket]>(io, "connection");
    const post = http.open("POST", path);
    http.write(post.bytes, data(post.id, "40", true));
    const [socket] = await joined;
    await http.answer(post.id);
    await http.get(path);
    return new Client(http, path, socket);
  }

  closed(): Promise<string> {
    const code = new Promise<string>((resolve) =>
      this.socket.once("disconnect", () =>
        resolve((this.socket as unknown as { closeReason: { code: string } }).closeReason.code),
      ),
    );
    return within(code, "the socket to disconnect");
  }
}

describe("a POST that the client resets", () => {
  const BODY = '42["a",1]\u001e42["a",2]\u001e42["a","and a longer one"]';
  const CUTS = [0, 1, 9, 10, 19, BODY.length - 1, BODY.length];

  test.each([["NO_ERROR", 0] as const, ["CANCEL", 8] as const])("with %s is never taken as whole", async (_, code) => {
    const running = await start();
    for (const cut of CUTS) {
      for (const isOneWrite of [true, false]) {
        const client = await Client.connect(running);
        const closed = client.closed();
        const { id, bytes } = client.http.open("POST", client.path);
        const frames = [bytes, data(id, BODY.slice(0, cut), false), reset(id, code)];
        if (isOneWrite) client.http.write(...frames);
        else for (const frame of frames) client.http.write(frame);
        expect(await closed).toBe("POST_ABORTED");
        expect(client.heard).toEqual([]);
        client.http.tls.destroy();
      }
    }
  });

  test("is not taken as whole with an announced length either", async () => {
    const client = await Client.connect(await start());
    const closed = client.closed();
    const { id, bytes } = client.http.open("POST", client.path, { "content-length": String(BODY.length) });
    client.http.write(bytes, data(id, BODY.slice(0, 9), false), reset(id, 0));
    expect(await closed).toBe("POST_ABORTED");
    expect(client.heard).toEqual([]);
  });

  test.each([
    ["close(0)", (stream: ClientHttp2Stream) => stream.close(0)],
    ["close(8)", (stream: ClientHttp2Stream) => stream.close(8)],
    ["destroy()", (stream: ClientHttp2Stream) => stream.destroy()],
  ])("without a byte of its body is a request that broke off, also by %s of Node's client", async (_how, giveUp) => {
    const running = await start();
    const client = await Client.connect(running);
    const closed = client.closed();
    const session = connectHttp2(`https://127.0.0.1:${running.port}`, { ca: TEST_CERTIFICATE });
    cleanups.push(() => session.destroy());
    const post = session.request({ ":method": "POST", ":path": client.path }, { endStream: false });
    post.on("error", () => undefined);
    const arrived = once(running.io.httpServer, "request");
    await once(post, "ready");
    await within(arrived, "the request");
    giveUp(post);
    expect(await closed).toBe("POST_ABORTED");
  });

  test.each<Record<string, string>>([{}, { "content-length": "0" }])(
    "an empty body without a reset is a parse error, with %o",
    async (headers) => {
      const client = await Client.connect(await start());
      const closed = client.closed();
      const { id, bytes } = client.http.open("POST", client.path, headers);
      client.http.write(bytes, data(id, "", true));
      expect(await closed).toBe("INVALID_PACKET");
    },
  );

  test("is taken as whole if it ends", async () => {
    const client = await Client.connect(await start());
    const { id, bytes } = client.http.open("POST", client.path);
    client.http.write(bytes, data(id, BODY.slice(0, 5), false), data(id, BODY.slice(5), true));
    expect((await client.http.answer(id)).text).toBe("ok");
    expect(client.heard).toEqual([
      ["a", 1],
      ["a", 2],
      ["a", "and a longer one"],
    ]);
  });
});

test.each([["NO_ERROR", 0] as const, ["CANCEL", 8] as const])(
  "a waiting poll that is reset with %s ends the session",
  async (_, code) => {
    const client = await Client.connect(await start());
    const closed = client.closed();
    const { id, bytes } = client.http.open("GET", client.path);
    client.http.write(bytes, reset(id, code));
    expect(await closed).toBe("POLL_ABORTED");
  },
);

test.each([["NO_ERROR", 0] as const, ["CANCEL", 8] as const])(
  "a poll that is reset with %s inside its answer ends the session",
  async (_, code) => {
    const client = await Client.connect(await start({ httpCompression: false }));
    const closed = client.closed();
    // More than the windows of a client that grants no more.
    client.socket.emit("large", "x".repeat(300_000));
    const { id, bytes } = client.http.open("GET", client.path);
    client.http.write(bytes);
    await client.http.until(() => client.http.received > 60_000, "the first window of the answer");
    client.http.write(reset(id, code));
    expect(await closed).toBe("POLL_LOST");
  },
);

describe("a program sees the request", () => {
  const views = [
    ["as it came", {}],
    ["after middlewares", { cors: { origin: "https://elsewhere.example" } }],
  ] as const;

  test.each(views)("%s: host, address, encryption, cookies", async (_name, options) => {
    const running = await start(options);
    const { socket } = await Client.connect(running, { cookie: "a=b", "user-agent": "raw" });
    const { headers, secure, address, query } = socket.handshake;
    expect([headers.host, headers.cookie, headers["user-agent"]]).toEqual(["localhost", "a=b", "raw"]);
    expect([secure, address, query["transport"]]).toEqual([true, "127.0.0.1", "polling"]);
    const { request } = socket;
    expect([request.headers.host, request.httpVersion, request.method]).toEqual(["localhost", "2.0", "GET"]);
    const { remoteAddress, remotePort, encrypted } = request.socket as never as Record<string, unknown>;
    expect([remoteAddress, encrypted, typeof remotePort]).toEqual(["127.0.0.1", true, "number"]);
    expect((request as unknown as { connection: unknown }).connection).toBe(request.socket);
    expect(socket.conn.remoteAddress).toBe("127.0.0.1");
  });

  test("and the end of its connection", async () => {
    const client = await Client.connect(await start());
    const closed = once(client.socket.request.socket, "close");
    client.http.tls.destroy();
    await within(closed, "the end of the connection");
  });
});

test("cookies of the engine and of listeners arrive", async () => {
  const { io, port } = await start({ cookie: true });
  io.engine.on("initial_headers", (headers: Record<string, string>) => (headers["set-cookie"] = "c=d"));
  const session = connectHttp2(`https://127.0.0.1:${port}`, { ca: TEST_CERTIFICATE });
  cleanups.push(() => session.destroy());
  const stream = session.request({ ":path": PATH });
  const [headers] = (await once(stream, "response")) as [Record<string, string[]>];
  expect(headers["set-cookie"]).toEqual([expect.stringMatching(/^io=/), "c=d"]);
});

describe("a POST that is too large", () => {
  test.each([
    ["whole in one read", (id: number) => [data(id, "4".repeat(2000), true)]],
    ["in two frames of one read", (id: number) => [data(id, "4".repeat(1001), false), data(id, "4", true)]],
    ["that is reset in the same read", (id: number) => [data(id, "4".repeat(1001), false), reset(id, 8)]],
  ])("%s does not hold up the server", async (_how, frames) => {
    const client = await Client.connect(await start({ maxHttpBufferSize: 1000 }));
    const { id, bytes } = client.http.open("POST", client.path);
    client.http.write(bytes, ...frames(id));
    const next = client.http.open("POST", client.path);
    client.http.write(next.bytes, data(next.id, '42["next"]', true));
    expect((await client.http.answer(next.id)).text).toBe("ok");
    expect(client.heard).toEqual([["next"]]);
  });

  test("is answered, its stream is closed, and the process is not warned", async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on("warning", onWarning);
    cleanups.push(() => process.off("warning", onWarning));
    const client = await Client.connect(await start({ maxHttpBufferSize: 1000 }));
    const { id, bytes } = client.http.open("POST", client.path);
    client.http.write(bytes, data(id, "4".repeat(1001), false));
    expect(JSON.parse((await client.http.answer(id)).text)).toMatchObject({ code: 8, limit: 1000 });
    await client.http.until(() => client.http.wasReset(id), "the server to close the stream");
    // The session goes on.
    const next = client.http.open("POST", client.path);
    client.http.write(next.bytes, data(next.id, '42["small"]', true));
    expect((await client.http.answer(next.id)).text).toBe("ok");
    expect(client.heard).toEqual([["small"]]);
    expect(warnings).toEqual([]);
  });
});

describe("closing", () => {
  test("io.close() resolves with clients connected, and ends their streams and connections", async () => {
    const running = await start();
    const waiting = await Client.connect(running);
    const poll = waiting.http.open("GET", waiting.path);
    waiting.http.write(poll.bytes);
    const idle = await RawHttp2.open(running.port);
    const reading = await Client.connect(running);
    const half = reading.http.open("POST", reading.path);
    reading.http.write(half.bytes, data(half.id, "42", false));
    const closed = [waiting.http, idle, reading.http].map(({ tls }) => once(tls, "close"));
    const ended = waiting.closed();
    await within(Promise.resolve(running.io.close()), "io.close() to resolve");
    expect(await ended).toBe("SERVER_SHUTDOWN");
    await within(Promise.all(closed), "all connections to end");
  });

  test("requests of the application are answered first", async () => {
    const answered = new EventEmitter();
    const http = createSecureServer({ key: TEST_KEY, cert: TEST_CERTIFICATE, allowHTTP1: true }, (_req, res) => {
      answered.emit("arrived");
      answered.once("go", () => res.end("from the application"));
    });
    const running = await serve(subject, {}, http as unknown as HttpServer);
    const client = await RawHttp2.open(running.port);
    cleanups.push(() => client.tls.destroy());
    const arrived = once(answered, "arrived");
    const { id, bytes } = client.open("GET", "/slow");
    client.write(bytes);
    await within(arrived, "the request");
    const stopped = running.stop();
    answered.emit("go");
    expect((await client.answer(id)).text).toBe("from the application");
    await stopped;
  });

  test.each([
    ["an answer that is not read", (session: ClientHttp2Session) => session.request({ ":path": PATH })],
    [
      "a POST that is not complete",
      (session: ClientHttp2Session) => {
        const post = session.request({ ":method": "POST", ":path": PATH });
        post.write("4");
        return post;
      },
    ],
  ])("io.close() resolves though a client has %s, and keeps its end open", async (_what, begin) => {
    const running = await start();
    const session = connectHttp2(`https://localhost:${running.port}`, {
      ca: TEST_CERTIFICATE,
      rejectUnauthorized: false,
    });
    session.on("error", () => undefined);
    cleanups.push(() => session.destroy());
    const stream = begin(session);
    stream.on("error", () => undefined);
    await once(stream, "response");
    await within(Promise.resolve(running.io.close()), "io.close() to resolve");
  });

  test("engine.close() alone leaves the connections of a server that goes on", async () => {
    const { io, port } = await start();
    const client = await RawHttp2.open(port);
    cleanups.push(() => client.tls.destroy());
    await client.get(PATH);
    io.engine.close();
    expect(await client.get(PATH)).toMatch(/^0\{"sid"/);
  });
});

test("HTTP/1 beside it: a session that was opened with HTTP/2 moves to WebSocket", async () => {
  const running = await start();
  const client = await Client.connect(running);
  const upgraded = once(client.socket.conn, "upgrade");
  const url = `wss://127.0.0.1:${running.port}${client.path.replace("polling", "websocket")}`;
  const ws = new WebSocket(url, { ca: TEST_CERTIFICATE } as never);
  cleanups.push(() => ws.terminate());
  await nextEvent(ws, "open");
  ws.send("2probe");
  await nextEvent(ws, "message");
  ws.send("5");
  await within(upgraded, "the upgrade");
  expect(client.socket.request.headers.host).toBe("localhost");
});
