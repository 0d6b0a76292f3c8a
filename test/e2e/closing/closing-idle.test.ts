import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from "node:http";
import { connect as connectHttp2, createSecureServer, createServer as createHttp2Server } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { Server as Engine } from "@portage/server/engine";
import { Server as ReferenceEngine } from "engine.io";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { TEST_CERTIFICATE, TEST_KEY } from "../../support/servers/certificate.ts";
import { RawWebSocket } from "../../support/raw/websocket.ts";
import { nextEvent, turn, within } from "../../support/waiting.ts";
import { FakeClock } from "../../unit/support/fake-clock.ts";

// A closing HTTP server waits for its connections. Those on which nothing is under way must not hold it up.

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup; cleanup = cleanups.pop()) await cleanup();
});

const IDENTITY = { key: TEST_KEY, cert: TEST_CERTIFICATE };
const REQUEST = "GET /app HTTP/1.1\r\nHost: localhost\r\n\r\n";
const HALF = "GET /app HTTP/1.1\r\nHost: loc";
const POST = "POST /app HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf";

class Peer {
  received = "";
  readonly closed: Promise<unknown>;
  readonly stream: Duplex;

  constructor(stream: Duplex) {
    this.stream = stream;
    stream.on("error", () => undefined);
    stream.on("data", (chunk) => (this.received += String(chunk)));
    this.closed = new Promise((resolve) => stream.once("close", () => resolve("closed")));
    cleanups.push(() => stream.destroy());
  }

  says(pattern: RegExp): Promise<void> {
    return until(() => pattern.test(this.received), `${pattern} in ${this.received}`);
  }
}

async function until(isSo: () => boolean, what: string): Promise<void> {
  const signal = { isOver: false };
  const reached = (async () => {
    while (!signal.isOver && !isSo()) await turn();
  })();
  await within(reached, what).finally(() => (signal.isOver = true));
}

type App = (req: IncomingMessage, res: ServerResponse) => void;
const answer: App = (_req, res) => res.end("the program's own");

/** An engine on a server of the program, with the server's connections. */
class Host {
  readonly clock = new FakeClock();
  readonly streams: Socket[] = [];
  readonly http: HttpServer;
  readonly engine: Engine;
  port = 0;

  constructor(http: HttpServer, options: object = {}) {
    this.http = http;
    http.on(http.listenerCount("secureConnection") > 0 ? "secureConnection" : "connection", (stream: Socket) =>
      this.streams.push(stream),
    );
    this.engine = new Engine({ clock: this.clock, ...options });
    this.engine.attach(http);
  }

  async listen(): Promise<this> {
    this.http.listen(0, "127.0.0.1");
    await nextEvent(this.http, "listening");
    this.port = (this.http.address() as AddressInfo).port;
    return this;
  }

  /** Has come this far once the server has read it all. */
  async peer(bytes: string, isSecure = false): Promise<Peer> {
    const place = { port: this.port, host: "127.0.0.1" };
    const peer = new Peer(isSecure ? connectTls({ ...place, rejectUnauthorized: false }) : connect(place));
    const count = this.streams.length + 1;
    await until(() => this.streams.length === count, "the server to take a connection");
    await this.say(peer, bytes);
    return peer;
  }

  /** Of the latest peer. */
  async say(peer: Peer, bytes: string): Promise<void> {
    const stream = this.streams.at(-1) as Socket;
    const before = stream.bytesRead;
    if (bytes !== "") peer.stream.write(bytes);
    await until(() => stream.bytesRead >= before + bytes.length, "the server to read");
  }

  /** Closes both, and returns the end of the HTTP server. */
  close(): Promise<unknown> {
    this.engine.close();
    const closed = new Promise((resolve) => this.http.close(resolve));
    cleanups.push(() => this.http.closeAllConnections?.());
    return within(closed, "the HTTP server to close");
  }
}

const start = (app: App = answer, options: object = {}): Promise<Host> => new Host(createServer(app), options).listen();

describe("are cut after a second", () => {
  const hosts = {
    "over HTTP": () => start(),
    "over HTTPS": () => new Host(createHttpsServer(IDENTITY, answer)).listen(),
    "over HTTP/1 beside HTTP/2": () =>
      new Host(
        createSecureServer({ ...IDENTITY, allowHTTP1: true }, answer as never) as unknown as HttpServer,
      ).listen(),
    "with long-polling alone": () => start(answer, { transports: ["polling"] }),
  };
  const cases: [string, (host: Host, isSecure: boolean) => Promise<Peer>][] = [
    ["a connection that never said a word", (host, isSecure) => host.peer("", isSecure)],
    ["half of a first header", (host, isSecure) => host.peer(HALF, isSecure)],
    [
      "half of a second header",
      async (host, isSecure) => {
        const peer = await host.peer(REQUEST, isSecure);
        await peer.says(/program's own/);
        await host.say(peer, HALF);
        return peer;
      },
    ],
    [
      "half of a header behind requests that are answered",
      async (host, isSecure) => {
        const peer = await host.peer(REQUEST + REQUEST + HALF, isSecure);
        await peer.says(/program's own[^]*program's own/);
        return peer;
      },
    ],
    [
      "half of a body of a request of ours that is refused",
      async (host, isSecure) => {
        const peer = await host.peer(POST.replace("/app", "/engine.io/?EIO=4&transport=polling&sid=x"), isSecure);
        await peer.says(/Session ID unknown/);
        return peer;
      },
    ],
  ];
  const rows = Object.keys(hosts).flatMap((name) => cases.map(([what, run]) => [what, name, run] as const));

  test.each(rows)("%s, %s", async (_what, name, run) => {
    const host = await hosts[name as keyof typeof hosts]();
    const peer = await run(host, name.includes("HTTPS") || name.includes("beside"));
    const closed = host.close();
    host.clock.advance(999);
    await turn();
    expect(host.streams.at(-1)?.destroyed).toBe(false);
    host.clock.advance(1);
    await closed;
    await peer.closed;
  });
});

test.each([
  ["HTTPS", () => createHttpsServer(IDENTITY, answer)],
  ["HTTP/2", () => createSecureServer({ ...IDENTITY, allowHTTP1: true }) as unknown as HttpServer],
])("a TLS handshake that stops half-way is cut after a second, %s", async (_name, create) => {
  const host = await new Host(create()).listen();
  const taken = nextEvent<[Socket]>(host.http, "connection");
  const peer = new Peer(connect({ port: host.port, host: "127.0.0.1" }));
  // The head of a record that never comes.
  peer.stream.write(Buffer.from([22, 3, 1]));
  const [stream] = await taken;
  const closed = host.close();
  host.clock.advance(999);
  await turn();
  expect(stream.destroyed).toBe(false);
  host.clock.advance(1);
  await closed;
  await peer.closed;
});

describe("go on", () => {
  async function goOn(host: Host): Promise<void> {
    host.close().catch(() => undefined);
    host.clock.advance(5000);
    await turn();
    expect(host.streams.at(-1)?.destroyed).toBe(false);
  }

  test("a download of the program; later requests are cut after it", async () => {
    let finish = (): void => undefined;
    const host = await start((_req, res) => {
      res.write("first ");
      finish = () => res.end("last");
    });
    const peer = await host.peer(REQUEST + HALF);
    await peer.says(/first/);
    await goOn(host);
    finish();
    await peer.says(/last/);
    host.clock.advance(1000);
    await turn();
    expect(host.streams.at(-1)?.destroyed).toBe(false);
    host.clock.advance(1000);
    await peer.closed;
  });

  test("a request that the program has not answered yet", async () => {
    let finish = (): void => undefined;
    const host = await start((_req, res) => (finish = () => res.end("late")));
    const peer = await host.peer(REQUEST);
    await goOn(host);
    finish();
    await peer.says(/late/);
  });

  test.each([
    [
      "that waits for its end",
      (req: IncomingMessage, res: ServerResponse) => req.resume().on("end", () => res.end("done")),
    ],
    ["that is answered early", (req: IncomingMessage, res: ServerResponse) => req.resume() && res.end("done")],
  ])("an upload to the program %s", async (_name, app) => {
    let uploaded = "";
    const host = await start((req, res) => {
      req.on("data", (chunk) => (uploaded += String(chunk)));
      app(req, res);
    });
    const peer = await host.peer(POST);
    await until(() => uploaded === "half", "the first half");
    await goOn(host);
    await host.say(peer, "-whole");
    await until(() => uploaded === "half-whole", "the second half");
    await peer.says(/done/);
  });

  test("an upload that a listener of checkContinue takes", async () => {
    const host = await start();
    host.http.on("checkContinue", (req: IncomingMessage, res: ServerResponse) => {
      res.writeContinue();
      req.resume().on("end", () => res.end("done"));
    });
    const peer = await host.peer(POST.replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n"));
    await peer.says(/100 Continue/);
    await goOn(host);
    await host.say(peer, "-whole");
    await peer.says(/done/);
  });

  test("a poll of another engine that has wrapped the listeners", async () => {
    const host = new Host(createServer(answer));
    const other = new ReferenceEngine();
    other.attach(host.http, { path: "/other" });
    cleanups.push(() => other.close());
    await host.listen();
    const opening = await host.peer("GET /other/?EIO=4&transport=polling HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await opening.says(/"sid":"[^"]+"/);
    const sid = /"sid":"([^"]+)"/.exec(opening.received)?.[1];
    const poll = await host.peer(`GET /other/?EIO=4&transport=polling&sid=${sid} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await goOn(host);
    other.close();
    await poll.says(/200 OK[^]*6|400/);
  });

  test.each([
    ["", {}],
    [", where the engine takes none", { transports: ["polling"] }],
  ])("a WebSocket of somebody else%s", async (_name, options) => {
    const host = new Host(createServer(answer), options);
    const others = new WebSocketServer({ noServer: true });
    host.http.on("upgrade", (req: IncomingMessage, stream: Duplex, head: Buffer) => {
      cleanups.push(() => stream.destroy());
      others.handleUpgrade(req, stream, head, (websocket) => {
        const theirs = websocket as unknown as NodeJS.EventEmitter & { send(text: string): void };
        theirs.on("message", (data) => theirs.send(String(data)));
      });
    });
    await host.listen();
    const theirs = await RawWebSocket.connect({ port: host.port, path: "/others" });
    await goOn(host);
    theirs.send("hello");
    expect(await theirs.next()).toBe("hello");
  });

  test.each([
    ["without TLS", (app: App) => createHttp2Server(app as never), "http"],
    ["with TLS", (app: App) => createSecureServer({ ...IDENTITY, allowHTTP1: true }, app as never), "https"],
  ])("a request of HTTP/2 %s, and its connection ends after it", async (_name, create, scheme) => {
    const waiting: ServerResponse[] = [];
    const host = await new Host(create((_req, res) => void waiting.push(res)) as unknown as HttpServer).listen();
    const session = connectHttp2(`${scheme}://127.0.0.1:${host.port}`, { rejectUnauthorized: false });
    cleanups.push(() => session.destroy());
    const ended = new Promise((resolve) => session.once("close", resolve));
    const request = session.request({ ":path": "/app" });
    request.setEncoding("utf8");
    await until(() => waiting.length === 1, "the request");
    await goOn(host);
    waiting[0]?.end("the program's own");
    expect(await nextEvent(request, "data")).toEqual(["the program's own"]);
    await within(ended, "the connection to end");
  });

  test("a tunnel", async () => {
    const host = await start();
    host.http.on("connect", (_req: IncomingMessage, stream: Duplex) => {
      stream.write("HTTP/1.1 200 OK\r\n\r\n");
      stream.on("data", (chunk) => stream.write(chunk));
    });
    const peer = await host.peer("CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await peer.says(/200 OK/);
    await goOn(host);
    peer.stream.write("echo");
    await peer.says(/echo/);
  });
});
