import {
  Agent,
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server as HttpServer,
  type ServerResponse,
} from "node:http";
import { createServer as createSecureServer } from "node:https";
import { type AddressInfo, connect, createServer as createTcpServer, type Socket as TcpSocket } from "node:net";
import {
  type EngineError,
  Fetch,
  NodeWebSocket,
  Socket,
  type SocketOptions,
  type TransportError,
} from "@portage/client/engine";
import type { Socket as Session } from "engine.io";
import { afterEach, describe, expect, test } from "vitest";
import { TEST_CERTIFICATE, TEST_KEY } from "../../support/servers/certificate.ts";
import { serveEngine, type RunningEngine } from "../../support/servers/host.ts";
import { portage, reference, type Target } from "../../support/targets.ts";
import { nextEvent, turn, within } from "../../support/waiting.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup; cleanup = cleanups.pop()) await cleanup();
});

async function start(target: Target, options: Parameters<typeof serveEngine>[1] = {}): Promise<RunningEngine> {
  const server = await serveEngine(target, options);
  cleanups.push(() => server.stop());
  return server;
}

function open(url: string | { port: number }, options: SocketOptions = {}): Socket {
  const socket = new Socket(typeof url === "string" ? url : `http://127.0.0.1:${url.port}`, options);
  cleanups.push(() => socket.close());
  return socket;
}

const echo = (server: RunningEngine): void => {
  server.engine.on("connection", (session: Session) => session.on("message", (data) => session.send(data)));
};

async function serveHttp(listener: RequestListener): Promise<HttpServer> {
  const http = createServer(listener);
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => {
    http.closeAllConnections();
    http.close();
  });
  return http;
}

const portOf = (http: HttpServer): { port: number } => http.address() as AddressInfo;

async function until(condition: () => boolean, what: string): Promise<void> {
  const done = async (): Promise<void> => {
    while (!condition()) await turn();
  };
  await within(done(), what);
}

const TRANSPORTS: [string, SocketOptions][] = [
  ["polling", { transports: ["polling"] }],
  ["websocket", { transports: ["websocket"] }],
  ["fetch", { transportImplementations: [Fetch] }],
  ["an upgrade", {}],
  ["an upgrade from fetch", { transportImplementations: [Fetch, NodeWebSocket] }],
  ["a race", { race: true }],
];

describe.each([portage, reference])("on $name", (target) => {
  test.each(TRANSPORTS)("%s: large messages, text and bytes, in order", async (_name, options) => {
    const server = await start(target, { maxHttpBufferSize: 4e6 });
    echo(server);
    const socket = open(server, options);
    const text = "ä€😀".repeat(120_000);
    const bytes = Buffer.alloc(1_200_000, 7);
    socket.send(text).send(bytes).send("end");
    const got: unknown[] = [];
    socket.on("message", (data) => got.push(data));
    await until(() => got.length === 3, "three messages");
    expect(got[0] === text).toBe(true);
    expect(Buffer.isBuffer(got[1]) && bytes.equals(got[1])).toBe(true);
    expect(got[2]).toBe("end");
  });

  test.each(TRANSPORTS)("%s: a burst of 100 messages of 64 KiB", async (_name, options) => {
    const server = await start(target);
    echo(server);
    const socket = open(server, options);
    const sent = Array.from({ length: 100 }, (_value, i) => String(i).padEnd(65_536, "."));
    for (const message of sent) socket.send(message);
    const got: string[] = [];
    socket.on("message", (data: string) => got.push(data));
    await until(() => got.length === 100, "100 messages");
    expect(got.every((message, i) => message === sent[i])).toBe(true);
  });

  test("an upgrade under load loses, doubles and reorders nothing, in either direction", async () => {
    const TOTAL = 500;
    const server = await start(target);
    const atServer: string[] = [];
    server.engine.on("connection", (session: Session) => {
      session.on("message", (data: string) => atServer.push(data));
      let next = 0;
      const send = (): void => {
        for (let i = 0; i < 10 && next < TOTAL; i++) session.send(String(next++));
        if (next < TOTAL) setImmediate(send);
      };
      send();
    });
    for (let round = 0; round < 3; round++) {
      atServer.length = 0;
      const socket = open(server);
      const atClient: string[] = [];
      socket.on("message", (data: string) => atClient.push(data));
      for (let i = 0; i < TOTAL; i++) {
        socket.send(String(i));
        if (i % 7 === 0) await turn();
        if (i === TOTAL - 50) await until(() => socket.transport.name === "websocket", "the upgrade");
      }
      await until(() => atClient.length >= TOTAL && atServer.length >= TOTAL, "all messages");
      const expected = Array.from({ length: TOTAL }, (_value, i) => String(i));
      expect(atClient).toEqual(expected);
      expect(atServer).toEqual(expected);
      socket.close();
    }
  });

  test.each(["polling", "websocket"])(
    "%s: cookies are kept and sent again, on WebSocket and Fetch too",
    async (name) => {
      const server = await start(target, { cookie: { name: "sticky", path: "/" } });
      const seen: (string | undefined)[] = [];
      server.engine.use((request: { headers: { cookie?: string } }, _response: unknown, next: () => void) => {
        seen.push(request.headers.cookie);
        next();
      });
      const first =
        name === "polling"
          ? { transports: ["polling", "websocket"] }
          : { transportImplementations: [Fetch, NodeWebSocket] };
      const socket = open(server, { ...first, withCredentials: true, extraHeaders: { cookie: "own=1" } });
      await nextEvent(socket, "upgrade");
      const cookie = [...socket._cookieJar!.cookies].map(([, { name, value }]) => [name, value]);
      expect(cookie).toEqual([["sticky", socket.id]]);
      expect(seen[0]).toBe("own=1");
      expect(seen.at(-1)).toContain(`sticky=${socket.id}`);
    },
  );

  test("extra headers are sent by every transport", async () => {
    const server = await start(target);
    const seen: unknown[] = [];
    server.engine.use((request: { headers: Record<string, string> }, _response: unknown, next: () => void) => {
      seen.push(request.headers["x-custom"]);
      next();
    });
    const socket = open(server, { extraHeaders: { "X-Custom": "yes" } });
    await nextEvent(socket, "upgrade");
    expect(seen.length).toBeGreaterThan(1);
    expect(new Set(seen)).toEqual(new Set(["yes"]));
  });

  test.each(TRANSPORTS.filter(([name]) => !name.includes("fetch")))(
    "%s: framing headers are ignored, and a negative time means no limit",
    async (_name, options) => {
      const server = await start(target);
      echo(server);
      const extraHeaders = { "Content-Length": "7", "transfer-encoding": "chunked", TE: "x", Expect: "100-continue" };
      const socket = open(server, { ...options, extraHeaders, requestTimeout: -1 });
      socket.send("over there");
      expect(await nextEvent(socket, "message")).toEqual(["over there"]);
    },
  );

  test("either loser of a race leaves no session behind", async () => {
    const server = await start(target);
    const socket = open(server, { race: true });
    await nextEvent(socket, "open");
    expect(socket.transport.name).toBe("websocket");
    await until(() => server.host.connections === 1 || server.engine.clientsCount === 1, "one session");
    expect(server.engine.clientsCount).toBe(1);
    socket.close();
    await until(() => server.engine.clientsCount === 0, "no session");
  });

  test("closing while opening leaves no session behind", async () => {
    const server = await start(target);
    for (const options of [
      { transports: ["polling"] },
      { transports: ["websocket"] },
      { transportImplementations: [Fetch] },
    ]) {
      const socket = open(server, options);
      socket.close();
      expect(socket.readyState).toBe("closed");
    }
    const late = nextEvent(server.engine, "connection");
    await late;
    await until(() => server.engine.clientsCount === 0, "no session");
  });

  test("a message over the server's limit is refused here, if that is wanted, and the connection lives", async () => {
    const server = await start(target, { maxHttpBufferSize: 1000 });
    echo(server);
    const socket = open(server, { refuseTooLarge: true });
    await nextEvent(socket, "open");
    const errors: Error[] = [];
    socket.on("error", (error) => errors.push(error as Error));
    const answer = await new Promise<Error | undefined>((resolve) => {
      socket.send("x".repeat(1000), undefined, resolve);
    });
    expect(answer).toMatchObject({ code: "MESSAGE_TOO_LARGE", size: 1001, limit: 1000 });
    expect(errors).toEqual([answer]);
    socket.send("small");
    const [data] = await nextEvent(socket, "message");
    expect(data).toBe("small");
    socket.close().send("x".repeat(1000));
    expect(errors).toEqual([answer]);
  });

  test("without it the message is sent alone and the server's 413 is the error", async () => {
    const server = await start(target, { maxHttpBufferSize: 1000 });
    const socket = open(server, { transports: ["polling"] });
    await nextEvent(socket, "open");
    socket.send("x".repeat(2000));
    const [reason, error] = await nextEvent<[string, TransportError]>(socket, "close");
    expect([reason, error.message, error.description]).toEqual(["transport error", "xhr post error", 413]);
  });
});

describe("failures are reported", () => {
  test("without a server on the port", async () => {
    const http = await serveHttp(() => {});
    const url = `http://127.0.0.1:${portOf(http).port}`;
    http.close();
    const socket = open(url);
    const [reason, error] = await nextEvent<[string, TransportError]>(socket, "close");
    expect([reason, error.message, error.type, error.description]).toEqual([
      "transport error",
      "xhr poll error",
      "TransportError",
      0,
    ]);
    expect(error.context.error.code).toBe("ECONNREFUSED");
    expect(socket.diagnosis.attempts).toMatchObject([
      { transport: "polling", purpose: "open", outcome: "failed", failure: { message: "xhr poll error", status: 0 } },
    ]);
  });

  test.each([
    ["polling", {}, "ECONNREFUSED", /refused|ECONNREFUSED/],
    ["websocket", {}, "ECONNREFUSED", /refused|ECONNREFUSED/],
    ["fetch", { transportImplementations: [Fetch] }, "ECONNREFUSED", /refused|ECONNREFUSED/],
    ["polling", { hostname: "nowhere.invalid" }, "ENOTFOUND", /nowhere\.invalid/],
    ["websocket", { hostname: "nowhere.invalid" }, "ENOTFOUND", /nowhere\.invalid/],
    ["polling", { secure: true }, "DEPTH_ZERO_SELF_SIGNED_CERT", /self.signed certificate/],
    ["websocket", { secure: true }, "DEPTH_ZERO_SELF_SIGNED_CERT", /self.signed certificate/],
  ])("the system's message and code over %s (%j): %s", async (transport, options: SocketOptions, code, message) => {
    const secure = createSecureServer({ key: TEST_KEY, cert: TEST_CERTIFICATE });
    await new Promise<void>((resolve) => secure.listen(0, "127.0.0.1", resolve));
    cleanups.push(() => secure.close());
    const { port } = secure.address() as AddressInfo;
    if (!options.secure) await new Promise((resolve) => secure.close(resolve));
    const own = options.transportImplementations ? {} : { transports: [transport] };
    const socket = new Socket({ hostname: "127.0.0.1", port, ...own, ...options });
    const [, error] = await nextEvent<[string, TransportError]>(socket, "close");
    const system = error.cause as Error & { code?: string };
    expect(system).toBeInstanceOf(Error);
    if (transport !== "fetch") expect(system.code).toBe(code);
    if (transport === "polling") expect(error.context.responseText).toMatch(message);
    expect(socket.diagnosis.closed?.failure).toMatchObject({ code, said: expect.stringMatching(message) });
    expect(socket.diagnosis.attempts[0]?.failure).toMatchObject({ code, said: expect.stringMatching(message) });
  });

  test.each(["polling", "fetch"])("the server's JSON error (%s)", async (name) => {
    const server = await start(portage);
    const options = name === "fetch" ? { transportImplementations: [Fetch] } : { transports: ["polling"] };
    const socket = open(server, { ...options, query: { sid: "unknown" } });
    const [, error] = await nextEvent<[string, TransportError]>(socket, "close");
    expect(error.description).toBe(400);
    expect(error.context.readyState).toBe(4);
    expect(JSON.parse(error.context.responseText)).toEqual({ code: 1, message: "Session ID unknown" });
    expect(socket.diagnosis.closed).toMatchObject({
      reason: "transport error",
      failure: { status: 400, code: 1, said: "Session ID unknown" },
    });
  });

  test.each(["polling", "fetch", "websocket"])("a message that the server does not take (%s)", async (name) => {
    const server = await start(portage, { maxHttpBufferSize: 1000 });
    const options = name === "fetch" ? { transportImplementations: [Fetch] } : { transports: [name] };
    const socket = open(server, options);
    await nextEvent(socket, "open");
    socket.send("x".repeat(2000));
    const [, details] = await nextEvent<[string, TransportError]>(socket, "close");
    expect(details.code).toBe("PAYLOAD_TOO_LARGE");
    expect(socket.diagnosis.closed?.failure?.code).toBe("PAYLOAD_TOO_LARGE");
  });

  test("the server's refusal (websocket)", async () => {
    const server = await start(portage, { allowRequest: (_request, done) => done("no entry", false) });
    const socket = open(server, { transports: ["websocket"] });
    const [reason, error] = await nextEvent<[string, TransportError]>(socket, "close");
    expect([reason, error.message]).toEqual(["transport error", "websocket error"]);
    expect(error.context.status).toBe(403);
    expect(socket.diagnosis.attempts).toMatchObject([
      { transport: "websocket", outcome: "failed", failure: { status: 403, said: "no entry" } },
    ]);
  });

  test("an upgrade that fails, and at which step", async () => {
    const server = await start(portage);
    server.engine.use((request: IncomingMessage, response: ServerResponse, next: () => void) => {
      if (request.headers.upgrade) response.writeHead(401).end("log in first");
      else next();
    });
    const socket = open(server);
    const [error] = await nextEvent<[EngineError]>(socket, "upgradeError");
    expect(error.message).toMatch(/^probe error: Error: websocket error/);
    expect(error).toMatchObject({ code: "UPGRADE_FAILED", transport: "websocket", step: "opening" });
    expect(socket.readyState).toBe("open");
    expect(socket.diagnosis.attempts[1]).toMatchObject({
      purpose: "upgrade",
      outcome: "failed",
      failure: { step: "opening", status: 401 },
    });
  });

  test.each([
    ["no JSON", "0hello"],
    ["null", "0null"],
    ["no sid", '0{"upgrades":[],"pingInterval":1,"pingTimeout":1}'],
    ["upgrades of another type", '0{"sid":"a","upgrades":5,"pingInterval":1,"pingTimeout":1}'],
    ["no intervals", '0{"sid":"a","upgrades":[]}'],
    ["another packet first", "4hello"],
  ])("a malformed handshake: %s", async (_name, body) => {
    const http = await serveHttp((_request, response) => response.end(body));
    const socket = open(portOf(http), { transports: ["polling"] });
    const [reason, error] = await nextEvent<[string, EngineError]>(socket, "close");
    expect([reason, error.code]).toEqual(["transport error", "INVALID_HANDSHAKE"]);
  });
});

test("a proxy that refuses a body for its size gets smaller ones", async () => {
  const server = await start(portage, { maxHttpBufferSize: 1e6 });
  const sizes: number[] = [];
  const proxy = await serveHttp((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      if (request.method === "POST") sizes.push(body.length);
      if (body.length > 2000) {
        response.writeHead(413).end("too large for this proxy");
        return;
      }
      const init = request.method === "POST" ? { method: "POST", body } : {};
      fetch(`http://127.0.0.1:${server.port}${request.url}`, { ...init, headers: { "content-type": "text/plain" } })
        .then(async (answer) => response.writeHead(answer.status).end(await answer.text()))
        .catch(() => response.destroy());
    });
  });
  const got: string[] = [];
  server.engine.on("connection", (session: Session) => session.on("message", (data: string) => got.push(data)));
  const socket = open(portOf(proxy), { transports: ["polling"] });
  await nextEvent(socket, "open");
  const sent = Array.from({ length: 40 }, (_value, i) => String(i).padEnd(200, "."));
  for (const message of sent) socket.send(message);
  await until(() => got.length === 40, "all messages");
  expect(got).toEqual(sent);
  expect(sizes[0]).toBe(199 + 2); // the first goes alone, at once
  expect(Math.max(...sizes)).toBeGreaterThan(2000);
});

test.each(["polling", "websocket"])(
  "%s: a name of several addresses, none of which answers, has a reason",
  async (name) => {
    const { port } = await start(portage);
    await cleanups.pop()!();
    const socket = open(`http://localhost:${port}`, { transports: [name] });
    await nextEvent(socket, "close");
    expect(socket.diagnosis.attempts[0]!.failure).toMatchObject({
      code: "ECONNREFUSED",
      said: expect.stringContaining("ECONNREFUSED"),
    });
  },
);

describe("connections that something on the way has ended", () => {
  /** Forwards to a server; `end` has each connection that is idle reset by the next byte of the client. */
  async function balance(port: number): Promise<{ port: number; end(): void; resets: () => number }> {
    const idle = new Set<TcpSocket>();
    let resets = 0;
    const balancer = createTcpServer((client) => {
      const upstream = connect(port, "127.0.0.1");
      let isOver = false;
      idle.add(client);
      client.on("data", (chunk: Buffer) => {
        if (isOver) return;
        if (ended.has(client)) {
          isOver = true;
          resets++;
          upstream.destroy();
          client.resetAndDestroy();
        } else upstream.write(chunk);
      });
      upstream.on("data", (chunk) => client.write(chunk));
      for (const socket of [client, upstream]) socket.on("error", () => {});
      client.on("close", () => {
        idle.delete(client);
        upstream.destroy();
      });
    });
    const ended = new WeakSet<TcpSocket>();
    await new Promise<void>((resolve) => balancer.listen(0, "127.0.0.1", resolve));
    cleanups.push(() => {
      for (const client of idle) client.destroy();
      balancer.close();
    });
    const end = (): void => idle.forEach((client) => ended.add(client));
    return { port: (balancer.address() as AddressInfo).port, end, resets: () => resets };
  }

  test.each([portage, reference])("cost no message and double none, on $name", async (target) => {
    const server = await start(target);
    const received: string[] = [];
    let session: Session | undefined;
    server.engine.on("connection", (one: Session) => {
      session = one;
      one.on("message", (data: string) => {
        received.push(data);
        one.send("got " + data);
      });
    });
    const balancer = await balance(server.port);
    const socket = open(balancer, { transports: ["polling"] });
    const answers: string[] = [];
    socket.on("message", (data: string) => answers.push(data));
    await nextEvent(socket, "open");
    const expected: string[] = [];
    for (let i = 0; i < 10; i++) {
      expected.push(String(i));
      // the poll is under way on one connection, the other has been idle
      await until(() => socket.transport.writable, "an idle transport");
      balancer.end();
      socket.send(String(i));
      await until(() => answers.length > i, `answer ${i}`);
    }
    expect(received).toEqual(expected);
    expect(answers).toEqual(expected.map((i) => "got " + i));
    // no connection is used twice
    expect(balancer.resets()).toBe(0);
    expect([socket.readyState, session?.readyState]).toEqual(["open", "open"]);
  });

  /** Forwards to a server; from the second POST of a connection on the answer is lost, and the connection with it. */
  async function loseAnswers(port: number): Promise<{ port: number; lost: () => number }> {
    let lost = 0;
    const proxy = createTcpServer((client) => {
      const upstream = connect(port, "127.0.0.1");
      let posts = 0;
      client.on("data", (chunk: Buffer) => {
        if (chunk.toString("latin1", 0, 4) === "POST" && ++posts > 1) {
          lost++;
          upstream.removeAllListeners("data").once("data", () => client.resetAndDestroy());
        }
        upstream.write(chunk);
      });
      upstream.on("data", (chunk) => client.write(chunk));
      for (const socket of [client, upstream]) socket.on("error", () => {});
      client.on("close", () => upstream.destroy());
      upstream.on("close", () => client.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    cleanups.push(() => proxy.close());
    return { port: (proxy.address() as AddressInfo).port, lost: () => lost };
  }

  test.each([false, true])(
    "what may have been delivered is not sent again, with an agent that keeps them: %s",
    async (keeps) => {
      const server = await start(portage);
      const received: string[] = [];
      server.engine.on("connection", (session: Session) => {
        session.on("message", (data: string) => received.push(data));
      });
      const proxy = await loseAnswers(server.port);
      const agent = keeps && new Agent({ keepAlive: true });
      if (agent) cleanups.push(() => agent.destroy());
      const socket = open(proxy, { transports: ["polling"], agent, carry: false });
      const closes: string[] = [];
      socket.on("close", (reason) => closes.push(reason));
      await nextEvent(socket, "open");
      const sent: string[] = [];
      for (let i = 0; i < 10 && socket.readyState === "open"; i++) {
        sent.push(String(i));
        socket.send(String(i));
        await until(() => socket.transport.writable || closes.length > 0, "an answer or the end");
      }
      expect(received).toEqual(sent);
      expect([closes, proxy.lost() > 0]).toEqual(keeps ? [["transport error"], true] : [[], false]);
    },
  );

  test("a new connection that is reset is a failure", async () => {
    const tcp = createTcpServer((socket) => socket.once("data", () => socket.resetAndDestroy()));
    await new Promise<void>((resolve) => tcp.listen(0, "127.0.0.1", resolve));
    cleanups.push(() => tcp.close());
    const socket = open(tcp.address() as AddressInfo, { transports: ["polling"] });
    const [reason, error] = await nextEvent<[string, TransportError]>(socket, "close");
    expect([reason, (error.cause as { code?: string }).code]).toEqual(["transport error", "ECONNRESET"]);
  });
});
