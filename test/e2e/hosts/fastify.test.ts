import { once } from "node:events";
import { Agent, request as httpRequest, ServerResponse, type IncomingMessage } from "node:http";
import { connect, type AddressInfo, type Socket as NetSocket } from "node:net";
import type { Duplex } from "node:stream";
import cors from "@fastify/cors";
import { portage, type PortageOptions } from "@portage/server/fastify";
import Fastify, { type FastifyInstance } from "fastify";
import { io as connectClient, type ManagerOptions, type Socket, type SocketOptions } from "socket.io-client";
import { afterEach, describe, expect, test } from "vitest";

const apps: FastifyInstance[] = [];
const clients: Socket[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

type Setup = (app: FastifyInstance) => unknown;

async function start(options: PortageOptions = {}, ...setups: Setup[]): Promise<FastifyInstance> {
  const app = Fastify();
  apps.push(app);
  for (const setup of setups) await setup(app);
  await app.register(portage, options);
  await app.listen({ port: 0, host: "127.0.0.1" });
  return app;
}

const portOf = (app: FastifyInstance): number => (app.server.address() as AddressInfo).port;
const originOf = (app: FastifyInstance): string => `http://127.0.0.1:${portOf(app)}`;

function client(app: FastifyInstance, options: Partial<ManagerOptions & SocketOptions> = {}, nsp = ""): Socket {
  const socket = connectClient(originOf(app) + nsp, { forceNew: true, reconnection: false, ...options });
  clients.push(socket);
  return socket;
}

/** Resolves with the arguments of the first of the events. */
const event = (socket: Socket, ...names: string[]): Promise<unknown[]> =>
  new Promise((resolve) => {
    for (const name of names) socket.once(name, (...args: unknown[]) => resolve([name, ...args]));
  });

interface Answer {
  status: number;
  headers: IncomingMessage["headers"];
  body: string;
}

function fetchRaw(
  app: FastifyInstance,
  path: string,
  { body, ...options }: { method?: string; headers?: Record<string, string>; body?: string; agent?: Agent } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = httpRequest({ host: "127.0.0.1", port: portOf(app), path, ...options }, (res) => {
      let text = "";
      res.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      res.on("end", () => resolve({ status: res.statusCode ?? 0, headers: res.headers, body: text }));
    });
    req.on("error", reject).end(body);
  });
}

/** Opens a session by hand and returns its id. */
async function openSession(app: FastifyInstance, agent?: Agent): Promise<string> {
  const { body } = await fetchRaw(app, "/socket.io/?EIO=4&transport=polling", { ...(agent && { agent }) });
  return (JSON.parse(body.slice(1)) as { sid: string }).sid;
}

const upgradeRequest = (path: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;

/** Sends an upgrade request and reads until the server ends the connection. */
async function refusedUpgrade(app: FastifyInstance, path: string): Promise<string> {
  const socket = connect(portOf(app), "127.0.0.1");
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  socket.write(upgradeRequest(path));
  await once(socket, "close");
  return text;
}

describe("a client", () => {
  test.each([["polling"], ["websocket"]])("talks over %s only", async (transport) => {
    const app = await start();
    app.io.on("connection", (socket) => socket.on("echo", (value, answer) => answer(value)));
    const socket = client(app, { transports: [transport] });
    await event(socket, "connect");
    expect(await socket.emitWithAck("echo", { text: "ahoy", bytes: Buffer.from([1, 2, 3]) })).toEqual({
      text: "ahoy",
      bytes: Buffer.from([1, 2, 3]),
    });
    expect(socket.io.engine.transport.name).toBe(transport);
  });

  test("is upgraded from polling to WebSocket", async () => {
    const app = await start();
    const socket = client(app);
    await event(socket, "connect");
    if (socket.io.engine.transport.name !== "websocket") {
      await new Promise((resolve) => socket.io.engine.once("upgrade", resolve));
    }
    expect(socket.io.engine.transport.name).toBe("websocket");
    expect(app.io.engine.clientsCount).toBe(1);
  });

  test("finds the client files beside the engine", async () => {
    const app = await start();
    const file = await fetchRaw(app, "/socket.io/socket.io.js");
    expect(file.status).toBe(200);
    expect(file.headers["content-type"]).toBe("application/javascript; charset=utf-8");
    expect(file.body).toContain("engine.io");
    const without = await start({ serveClient: false });
    expect((await fetchRaw(without, "/socket.io/socket.io.js")).status).toBe(400);
  });

  test("sends bodies that neither Fastify's parsers nor its bodyLimit touch", async () => {
    const app = Fastify({ bodyLimit: 100 });
    apps.push(app);
    app.post("/json", (request, reply) => reply.send(request.body));
    await app.register(portage, { maxHttpBufferSize: 100_000 });
    await app.listen({ port: 0, host: "127.0.0.1" });
    app.io.on("connection", (socket) => socket.on("echo", (value, answer) => answer(value)));
    const socket = client(app, { transports: ["polling"] });
    await event(socket, "connect");
    const text = "x".repeat(50_000);
    expect(await socket.emitWithAck("echo", text)).toBe(text);

    const json = { "content-type": "application/json" };
    const inside = await fetchRaw(app, "/json", { method: "POST", headers: json, body: `{"a":1}` });
    expect(inside.body).toBe(`{"a":1}`);
  });

  test("may post without a content type", async () => {
    const app = await start();
    const sid = await openSession(app);
    const post = { method: "POST", headers: { "content-length": "2" }, body: "40" };
    expect(await fetchRaw(app, `/socket.io/?EIO=4&transport=polling&sid=${sid}`, post)).toMatchObject({
      status: 200,
      body: "ok",
    });
  });
});

describe("hooks of the application", () => {
  const guard: Setup = (app) =>
    app.addHook("onRequest", async (request, reply) => {
      await Promise.resolve();
      if (request.headers.authorization !== "open sesame") {
        await reply.code(401).send({ message: "who goes there" });
      }
    });

  test.each([["polling"], ["websocket"]])("guard the %s door", async (transport) => {
    const app = await start({}, guard);
    const refused = client(app, { transports: [transport] });
    expect((await event(refused, "connect", "connect_error"))[0]).toBe("connect_error");
    const extraHeaders = { authorization: "open sesame" };
    const admitted = client(app, { transports: [transport], extraHeaders });
    expect((await event(admitted, "connect", "connect_error"))[0]).toBe("connect");
    expect(app.io.engine.clientsCount).toBe(1);
  });

  test("answer a refused upgrade in their own words", async () => {
    const app = await start({}, guard);
    const answer = await refusedUpgrade(app, "/socket.io/?EIO=4&transport=websocket");
    expect(answer).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n/);
    expect(answer).toContain("Connection: close");
    expect(answer).toContain("who goes there");
  });

  test("may take their time while the peer resets the connection", async () => {
    let release = (): void => {};
    let arrived = (): void => {};
    const arrival = new Promise<void>((resolve) => (arrived = resolve));
    const app = await start({}, (app) =>
      app.addHook("onRequest", async () => {
        arrived();
        await new Promise<void>((resolve) => (release = resolve));
      }),
    );
    const socket = connect(portOf(app), "127.0.0.1");
    socket.on("error", () => {});
    const [serverSide] = await Promise.all([
      once(app.server, "connection") as Promise<[NetSocket]>,
      once(socket, "connect"),
    ]);
    const closed = new Promise((resolve) => serverSide[0].once("close", resolve));
    socket.write(upgradeRequest("/socket.io/?EIO=4&transport=websocket"));
    await arrival;
    socket.resetAndDestroy();
    await closed;
    release();
    await new Promise(setImmediate);
    expect(app.io.engine.clientsCount).toBe(0);
  });

  test("set headers that reach the answers of the engine", async () => {
    const app = await start({}, (app) =>
      app.addHook("onRequest", async (_request, reply) => {
        reply.header("x-harbour", "north");
      }),
    );
    const answer = await fetchRaw(app, "/socket.io/?EIO=4&transport=polling");
    expect(answer.status).toBe(200);
    expect(answer.headers["x-harbour"]).toBe("north");
    expect((await fetchRaw(app, "/socket.io/socket.io.js")).headers["x-harbour"]).toBe("north");
  });

  test("of a sibling context do not run", async () => {
    const app = await start({}, (app) =>
      app.register(async (scope) => {
        scope.addHook("onRequest", async (_request, reply) => reply.code(401).send());
      }),
    );
    expect((await fetchRaw(app, "/socket.io/?EIO=4&transport=polling")).status).toBe(200);
  });
});

describe("CORS", () => {
  const preflight = {
    method: "OPTIONS",
    headers: { origin: "http://a.example", "access-control-request-method": "POST" },
  };

  test("comes from @fastify/cors, on the preflight and on the polls", async () => {
    const app = await start({}, (app) => app.register(cors, { origin: "http://a.example", credentials: true }));
    const before = await fetchRaw(app, "/socket.io/?EIO=4&transport=polling", preflight);
    expect(before.status).toBe(204);
    expect(before.headers["access-control-allow-origin"]).toBe("http://a.example");
    const poll = await fetchRaw(app, "/socket.io/?EIO=4&transport=polling", {
      headers: { origin: "http://a.example" },
    });
    expect(poll.status).toBe(200);
    expect(poll.headers["access-control-allow-origin"]).toBe("http://a.example");
    expect(poll.headers["access-control-allow-credentials"]).toBe("true");
  });

  test("comes from the cors option of the engine", async () => {
    const app = await start({ cors: { origin: "http://a.example" } });
    const before = await fetchRaw(app, "/socket.io/?EIO=4&transport=polling", preflight);
    expect(before.status).toBe(204);
    expect(before.headers["access-control-allow-origin"]).toBe("http://a.example");
  });

  test("is refused by the engine if the application has no CORS", async () => {
    const app = await start();
    const before = await fetchRaw(app, "/socket.io/?EIO=4&transport=polling", preflight);
    expect(before.status).toBe(400);
    expect(JSON.parse(before.body)).toMatchObject({ code: 2 });
  });
});

describe("paths", () => {
  test("follow the path option and the prefix of the context", async () => {
    const app = Fastify();
    apps.push(app);
    let inner: FastifyInstance | undefined;
    const child = async (scope: FastifyInstance): Promise<void> => {
      inner = scope;
      await scope.register(portage, { path: "/live" });
    };
    await app.register(child, { prefix: "/v1" });
    await app.listen({ port: 0, host: "127.0.0.1" });
    expect(inner?.io.path()).toBe("/v1/live");
    for (const transport of ["polling", "websocket"]) {
      const socket = client(app, { path: "/v1/live", transports: [transport] });
      expect((await event(socket, "connect", "connect_error"))[0]).toBe("connect");
    }
    expect((await fetchRaw(app, "/v1/live/socket.io.js")).status).toBe(200);
    expect((await fetchRaw(app, "/live/")).status).toBe(404);
  });

  test("may do without the slash at the end", async () => {
    const app = await start({ addTrailingSlash: false });
    for (const transport of ["polling", "websocket"]) {
      const socket = client(app, { addTrailingSlash: false, transports: [transport] });
      expect((await event(socket, "connect", "connect_error"))[0]).toBe("connect");
    }
  });

  test.each([["socket.io"], [7]])("%j is refused with a code", async (path) => {
    const app = Fastify();
    await expect(app.register(portage, { path: path as string })).rejects.toMatchObject({
      name: "FastifyError",
      code: "FST_PORTAGE_INVALID_PATH",
      statusCode: 500,
    });
  });

  test("beside ours stay with the application", async () => {
    const app = await start({}, (app) => app.get("/", () => "home"));
    expect((await fetchRaw(app, "/")).body).toBe("home");
    expect((await fetchRaw(app, "/socket.iox")).status).toBe(404);
    expect((await fetchRaw(app, "/socket.io/", { method: "DELETE" })).status).toBe(400);
  });
});

describe("upgrades beside our path", () => {
  test("are refused at once without another listener", async () => {
    const app = await start();
    expect(await refusedUpgrade(app, "/elsewhere")).toMatch(/^HTTP\/1\.1 404 Not Found\r\n/);
  });

  test("are left to the other listeners", async () => {
    const app = await start();
    app.server.on("upgrade", (req: IncomingMessage, socket: Duplex) => {
      if (req.url === "/elsewhere") socket.end("HTTP/1.1 418 I'm a teapot\r\n\r\n");
    });
    expect(await refusedUpgrade(app, "/elsewhere")).toMatch(/^HTTP\/1\.1 418/);
  });

  test("do no harm when another plugin routes every upgrade through Fastify", async () => {
    const app = await start();
    app.server.on("upgrade", (req, socket) => {
      const response = new ServerResponse(req);
      response.assignSocket(socket as NetSocket);
      app.routing(req, response);
    });
    app.io.on("connection", (socket) => socket.on("echo", (value, answer) => answer(value)));
    const socket = client(app, { transports: ["websocket"] });
    await event(socket, "connect");
    expect(await socket.emitWithAck("echo", 1)).toBe(1);
  });
});

describe("the end", () => {
  test("app.close() ends open polls and WebSockets and does not wait for idle connections", async () => {
    const app = await start();
    const agent = new Agent({ keepAlive: true });
    const sid = await openSession(app, agent);
    const path = `/socket.io/?EIO=4&transport=polling&sid=${sid}`;
    await fetchRaw(app, path, { method: "POST", body: "40", agent });
    await fetchRaw(app, path, { agent });
    const poll = fetchRaw(app, path, { agent });
    const socket = client(app, { transports: ["websocket"] });
    const left = event(socket, "disconnect");
    await event(socket, "connect");
    const reasons: string[] = [];
    for (const peer of app.io.sockets.sockets.values()) peer.on("disconnect", (reason) => reasons.push(reason));

    await app.close();
    expect((await poll).status).toBe(200);
    expect((await left)[1]).toBe("transport close");
    expect(reasons).toEqual(["server shutting down", "server shutting down"]);
    agent.destroy();
  });

  test("a request that waits in a hook while the server closes is answered with 503", async () => {
    let release = (): void => {};
    let arrived = (): void => {};
    const arrival = new Promise<void>((resolve) => (arrived = resolve));
    const app = Fastify();
    apps.push(app);
    app.addHook("onRequest", async () => {
      arrived();
      await new Promise<void>((resolve) => (release = resolve));
    });
    await app.register(portage);
    app.addHook("preClose", async () => release());
    await app.listen({ port: 0, host: "127.0.0.1" });
    const late = fetchRaw(app, "/socket.io/?EIO=4&transport=polling", { agent: new Agent() });
    await arrival;
    await app.close();
    const answer = await late;
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.body)).toMatchObject({ code: "FST_PORTAGE_CLOSING" });
  });
});

test("other plugins can ask for it by name", async () => {
  const app = Fastify();
  apps.push(app);
  await app.register(portage);
  expect(app.hasPlugin("@portage/server")).toBe(true);
});

describe("metrics", () => {
  test("are served where they are asked for, behind the hooks of the application", async () => {
    const guard: Setup = (app) =>
      app.addHook("onRequest", async (request, reply) => {
        if (request.url === "/metrics" && request.headers.authorization !== "Bearer secret")
          return reply.code(401).send();
        return undefined;
      });
    const app = await start({ metrics: "/metrics" }, guard);
    const headers = { authorization: "Bearer secret" };
    expect((await app.inject({ url: "/metrics" })).statusCode).toBe(401);
    const reply = await app.inject({ url: "/metrics", headers });
    expect(reply.headers["content-type"]).toMatch(/^application\/openmetrics-text/);
    expect(reply.body).toContain("portage_sessions_opened_total 0\n");
  });

  test.each([
    ["this machine", { path: "/m" }, { remoteAddress: "127.0.0.1" }, 200],
    ["this machine, as IPv6 has it", { path: "/m" }, { remoteAddress: "::ffff:127.0.0.1" }, 200],
    ["another machine", { path: "/m" }, { remoteAddress: "192.0.2.1" }, 403],
    ["a proxy on this machine", { path: "/m" }, { headers: { "x-forwarded-for": "127.0.0.1" } }, 403],
    ["another machine, where all may", { path: "/m", isPublic: true }, { remoteAddress: "192.0.2.1" }, 200],
    [
      "another machine with the token",
      { path: "/m", token: "secret" },
      { remoteAddress: "192.0.2.1", headers: { authorization: "Bearer secret" } },
      200,
    ],
    ["this machine without the token", { path: "/m", token: "secret" }, { remoteAddress: "127.0.0.1" }, 403],
    ["another token", { path: "/m", token: "secret" }, { headers: { authorization: "Bearer secret2" } }, 403],
  ])("for %s", async (_whom, metrics, request, status) => {
    const reply = await (await start({ metrics })).inject({ url: "/m", ...request });
    expect(reply.statusCode).toBe(status);
    if (status === 403) expect(reply.json()).toMatchObject({ code: "FST_PORTAGE_METRICS_FORBIDDEN" });
  });

  test("for the client whom a trusted proxy names", async () => {
    const app = Fastify({ trustProxy: true });
    apps.push(app);
    await app.register(portage, { metrics: "/m" });
    const get = (address: string) => app.inject({ url: "/m", headers: { "x-forwarded-for": address } });
    expect((await get("127.0.0.1")).statusCode).toBe(200);
    expect((await get("192.0.2.1")).statusCode).toBe(403);
  });

  test.each([[undefined], [false], [null], [""]])("are not served when the option is %j", async (metrics) => {
    expect((await (await start({ metrics })).inject({ url: "/metrics" })).statusCode).toBe(404);
  });

  test.each([[true], [{}], ["/metrics"]])("are at /metrics when the option is %j", async (metrics) => {
    expect((await (await start({ metrics })).inject({ url: "/metrics" })).statusCode).toBe(200);
  });

  test("are refused at the registration when their path does not start with a slash", async () => {
    await expect(start({ metrics: "metrics" })).rejects.toMatchObject({
      code: "FST_PORTAGE_INVALID_PATH",
      message: 'The path of the option "metrics" must be a string that starts with "/"',
    });
    apps.pop();
  });

  test.each([[null], [false], [undefined]])("the token %j is invalid", async (token) => {
    const app = await start({ metrics: { token: token as never } });
    const headers = { authorization: `Bearer ${token}` };
    const outside = await app.inject({ url: "/metrics", headers, remoteAddress: "192.0.2.1" });
    expect([outside.statusCode, (await app.inject({ url: "/metrics" })).statusCode]).toEqual([403, 200]);
  });

  test.each([[""], [5], [{}]])("the token %j is refused at the registration", async (token) => {
    const refused = start({ metrics: { token: token as never } });
    await expect(refused).rejects.toMatchObject({ code: "FST_PORTAGE_INVALID_TOKEN" });
    apps.pop();
  });

  test("are for everybody only where isPublic is true", async () => {
    const app = await start({ metrics: { isPublic: "false" as never } });
    expect((await app.inject({ url: "/metrics", remoteAddress: "192.0.2.1" })).statusCode).toBe(403);
  });
});

test.each([[null], [""], ["/socket.io//"]])("the path %j is the default one", async (path) => {
  const app = await start({ path: path as never });
  expect((await fetch(`${originOf(app)}/socket.io/?EIO=4&transport=polling`)).status).toBe(200);
});

describe("two plugins in one application", () => {
  const websocketOf = (app: FastifyInstance, path: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const headers = {
        connection: "upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      };
      const request = httpRequest({ port: portOf(app), path: `${path}?EIO=4&transport=websocket`, headers });
      request.on("upgrade", (_response, socket, head) => {
        if (head.length > 0) resolve(String(head));
        socket.once("data", (data) => resolve(String(data)));
        socket.once("data", () => socket.destroy());
      });
      request.on("response", ({ statusCode }) => resolve(String(statusCode)));
      request.on("error", reject);
      request.end();
    });

  test("each has its path, also with a common prefix, and a stray upgrade is refused", async () => {
    const app = Fastify();
    apps.push(app);
    for (const path of ["/a", "/a/b", "/c"]) {
      await app.register(async (scope) => {
        await scope.register(portage, { path });
        scope.io.engine.on("initial_headers", (headers: Record<string, string>) => (headers["x-path"] = path));
      });
    }
    await app.listen({ port: 0, host: "127.0.0.1" });
    for (const path of ["/a/", "/a/b/", "/c/"]) {
      const { headers } = await fetch(`${originOf(app)}${path}?EIO=4&transport=polling`);
      expect(headers.get("x-path")).toBe(path.slice(0, -1));
      expect(await websocketOf(app, path)).toContain('0{"sid":');
    }
    expect(await websocketOf(app, "/stray/")).toBe("404");
  });
});
