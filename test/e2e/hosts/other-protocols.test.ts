import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from "node:http";
import { createSecureServer } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { afterEach, describe, expect, test } from "vitest";
import { TEST_CERTIFICATE, TEST_KEY } from "../../support/servers/certificate.ts";
import { Host } from "../../support/servers/host.ts";
import { RawTcp } from "../../support/raw/tcp.ts";
import { RawWebSocket } from "../../support/raw/websocket.ts";
import { subject } from "../../support/targets.ts";
import { nextEvent, within } from "../../support/waiting.ts";

// Requests that ask for a protocol other than WebSocket, as Java's HTTP client does (h2c), are served as any others.

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup; cleanup = cleanups.pop()) await cleanup();
});

const IDENTITY = { key: TEST_KEY, cert: TEST_CERTIFICATE };
const PATH = "/socket.io/?EIO=4&transport=polling";
const H2C =
  "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n";

const app = (req: IncomingMessage, res: ServerResponse): void => {
  let body = "";
  req.on("data", (chunk) => (body += String(chunk)));
  req.on("end", () => res.end(`app ${req.method} ${req.url} ${req.headers.upgrade} ${req.headers.connection} ${body}`));
};

async function start(http: HttpServer, options: object = {}): Promise<Host> {
  const host = new Host(http);
  const io = new subject.socketio.Server(http, { serveClient: false, destroyUpgradeTimeout: 10, ...options });
  await host.listen();
  cleanups.push(async () => {
    await io.close();
    await host.drained();
  });
  return host;
}

/** The bodies of answers on a connection, one after the other. */
class Connection {
  readonly stream: Duplex;
  #text = "";
  #onData: () => void = () => undefined;

  constructor(stream: Duplex) {
    this.stream = stream;
    cleanups.push(() => stream.destroy());
    stream.on("error", () => undefined);
    stream.on("close", () => this.#onData());
    stream.on("data", (chunk) => {
      this.#text += String(chunk);
      this.#onData();
    });
  }

  /** Sends pieces in separate packets, and reads one answer. */
  async ask(...pieces: string[]): Promise<string> {
    for (const piece of pieces)
      await new Promise<void>((resolve) => this.stream.write(piece, () => setImmediate(resolve)));
    const whole = /^HTTP\/1\.1 (\d+)[^]*?\r\ncontent-length: (\d+)[^]*?\r\n\r\n/i;
    const answer = new Promise<string>((resolve, reject) => {
      this.#onData = () => {
        const head = whole.exec(this.#text);
        if (this.stream.destroyed) reject(new Error(`the connection has ended: ${this.#text}`));
        if (head === null || this.#text.length < head[0].length + Number(head[2])) return;
        const end = head[0].length + Number(head[2]);
        const body = this.#text.slice(head[0].length, end);
        this.#text = this.#text.slice(end);
        resolve(`${head[1]} ${body}`);
      };
      this.#onData();
    });
    return within(answer, () => `an answer, not ${JSON.stringify(this.#text)}`);
  }
}

const plain = async (port: number): Promise<Connection> => new Connection((await RawTcp.open(port)).stream);
async function secure(port: number): Promise<Connection> {
  const stream = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols: ["http/1.1"] });
  await nextEvent(stream, "secureConnect");
  return new Connection(stream);
}

const get = (path: string, headers = H2C): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`;
const post = (path: string, length: number, headers = H2C): string =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n${headers}\r\n`;

const HOSTS = [
  ["over HTTP", () => createServer(app), plain],
  ["over HTTPS", () => createHttpsServer(IDENTITY, app), secure],
  [
    "over HTTP/1 beside HTTP/2",
    () => createSecureServer({ ...IDENTITY, allowHTTP1: true }, app as never) as unknown as HttpServer,
    secure,
  ],
] as const;

describe.each(HOSTS)("%s", (_name, create, connect) => {
  test("polls and POSTs are served, several on one connection", async () => {
    const { port } = await start(create());
    const connection = await connect(port);
    const open = await connection.ask(get(PATH));
    expect(open).toMatch(/^200 0\{/);
    const path = `${PATH}&sid=${(JSON.parse(open.slice(5)) as { sid: string }).sid}`;
    expect(await connection.ask(`${post(path, 2)}40`)).toBe("200 ok");
    expect(await connection.ask(get(path))).toMatch(/^200 40/);
    const body = '42["echo","in pieces"]';
    expect(await connection.ask(`${post(path, body.length)}${body.slice(0, 9)}`, body.slice(9))).toBe("200 ok");
    expect(await connection.ask(post(path, body.length), body)).toBe("200 ok");
    expect(await connection.ask(get(PATH, ""))).toMatch(/^200 0\{/);
  });

  test("so are requests of the application", async () => {
    const { port } = await start(create());
    const connection = await connect(port);
    for (const path of ["/app", "/"]) {
      expect(await connection.ask(get(path))).toMatch(
        new RegExp(`^200 app GET ${path} undefined (undefined|keep-alive) $`),
      );
      const text = await connection.ask(post(path, 5), "ab", "cde");
      expect(text).toMatch(new RegExp(`^200 app POST ${path} undefined \\S+ abcde$`));
    }
  });
});

test.each(["h2c", "TLS/1.0", "foo/2", "h2c, foo", "IRC/6.9, RTA/x11", "websockets"])(
  "Upgrade: %s is ignored",
  async (name) => {
    const { port } = await start(createServer(app));
    const headers = `Connection: keep-alive, Upgrade\r\nUpgrade: ${name}\r\n`;
    const connection = await plain(port);
    expect(await connection.ask(get(PATH, headers))).toMatch(/^200 0\{/);
    expect(await connection.ask(get("/app", headers))).toBe("200 app GET /app undefined keep-alive ");
  },
);

test.each(["websocket", "WebSocket", "h2c, websocket", "websocket/13, h2c"])("Upgrade: %s is not", async (name) => {
  const { port } = await start(createServer(app));
  const client = await RawWebSocket.connect({ port, headers: { Upgrade: name } }).catch((error: unknown) => error);
  // Whether or not the handshake is good: it is treated as one.
  if (client instanceof RawWebSocket) await client.close();
  else expect((client as { status: number }).status).toBe(400);
});

test("several engines, and chunked requests", async () => {
  const host = await start(createServer(app));
  const other = new subject.engine.Server();
  other.attach(host.http, { path: "/other", destroyUpgradeTimeout: 10 });
  cleanups.push(() => other.close());
  const connection = await plain(host.port);
  expect(await connection.ask(get(PATH))).toMatch(/^200 0\{/);
  expect(await connection.ask(get("/other/?EIO=4&transport=polling"))).toMatch(/^200 0\{/);
  const chunked = `POST /app HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n${H2C}\r\n`;
  expect(await connection.ask(`${chunked}3\r\nabc\r\n`, "2\r\nde\r\n0\r\n\r\n")).toContain("abcde");
});

describe("where something else listens for upgrades", () => {
  test("its protocols are left to it", async () => {
    const host = await start(createServer(app));
    host.http.on("upgrade", (req: IncomingMessage, stream: Duplex) => {
      if (req.headers.upgrade !== "echo") return;
      stream.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
      stream.pipe(stream);
    });
    const tcp = await RawTcp.open(host.port);
    await tcp.write(get("/app", "Connection: Upgrade\r\nUpgrade: echo\r\n"));
    await tcp.until(/101/);
    await tcp.write("hello");
    await tcp.until(/hello/);
    tcp.end();
  });

  test("other requests are served nevertheless", async () => {
    const host = await start(createServer(app));
    host.http.on("upgrade", () => undefined);
    const connection = await plain(host.port);
    expect(await connection.ask(get(PATH))).toMatch(/^200 0\{/);
    expect(await connection.ask(`${post("/app", 3)}abc`)).toBe("200 app POST /app undefined undefined abc");
  });
});

test("a WebSocket that nothing takes is ended on a connection that was used before, too", async () => {
  const { port } = await start(createServer(app));
  const connection = await plain(port);
  expect(await connection.ask(get("/app", ""))).toMatch(/^200/);
  const closed = nextEvent(connection.stream, "close");
  connection.stream.write(get("/app", "Connection: Upgrade\r\nUpgrade: websocket\r\n"));
  await closed;
});

test("a WebSocket of an earlier listener stays, though it is silent after its answer", async () => {
  const http = createServer(app);
  http.on("upgrade", (req: IncomingMessage, stream: Duplex) => {
    if (req.url !== "/taken") return;
    stream.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    stream.pipe(stream);
  });
  const { port } = await start(http);
  const taken = await RawTcp.open(port);
  await taken.write(get("/taken", "Connection: Upgrade\r\nUpgrade: websocket\r\n"));
  await taken.until(/101/);
  const other = await plain(port);
  const closed = nextEvent(other.stream, "close");
  other.stream.write(get("/app", "Connection: Upgrade\r\nUpgrade: websocket\r\n"));
  await closed;
  await taken.write("hello");
  await taken.until(/hello/);
  taken.end();
});

test("a connection that breaks right after such a request does not affect others", async () => {
  const { port, http } = await start(createServer(app));
  const upgraded = nextEvent(http, "upgrade");
  const tcp = await RawTcp.open(port);
  await tcp.write(get(PATH));
  const [, stream] = await upgraded;
  (stream as Socket).destroy();
  await tcp.ended();
  expect(await (await plain(port)).ask(get(PATH))).toMatch(/^200 0\{/);
});
