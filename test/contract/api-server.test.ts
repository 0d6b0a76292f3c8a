import { createServer } from "node:http";
import { createSecureServer } from "node:http2";
import type { Namespace, Server as IoServer, Socket } from "socket.io";
import { io as connectClient, type Socket as ClientSocket } from "socket.io-client";
import { afterEach, describe, expect, test } from "vitest";
import { TEST_CERTIFICATE, TEST_KEY } from "../support/servers/certificate.ts";
import { type Running, serve } from "../support/servers/host.ts";
import { call } from "../support/raw/http.ts";
import { exportsOf } from "../support/reference-names.ts";
import { subject } from "../support/targets.ts";
import { nextEvent } from "../support/waiting.ts";

// The Server of socket.io: constructor, options, properties, methods, events, dynamic namespaces, client files.

const { Server } = subject.socketio;
const ends: Array<() => unknown> = [];
afterEach(async () => {
  while (ends.length > 0) await ends.pop()?.();
});

async function start(options: ConstructorParameters<typeof Server>[1] = {}): Promise<Running> {
  const running = await serve(subject, options);
  ends.push(() => running.stop());
  return running;
}

async function join(url: string, options: object = {}): Promise<ClientSocket> {
  const client = connectClient(url, { transports: ["websocket"], forceNew: true, reconnection: false, ...options });
  ends.push(() => client.disconnect());
  await nextEvent(client, "connect");
  return client;
}

describe("constructor", () => {
  test("without, with options, with a server", () => {
    expect(new Server().path()).toBe("/socket.io");
    expect(new Server({ path: "/a/" }).path()).toBe("/a");
    const http = createServer();
    const io = new Server(http, { path: "/b" });
    expect([io.path(), (io as never as { httpServer: object }).httpServer]).toEqual(["/b", http]);
  });

  test("with a port, as a number or as its digits", async () => {
    for (const port of [0, "0"]) {
      const io = new Server(port as number);
      const { httpServer } = io as never as { httpServer: ReturnType<typeof createServer> };
      await nextEvent(httpServer, "listening");
      const { port: found } = httpServer.address() as { port: number };
      expect((await call({ port: found, path: "/elsewhere" })).status).toBe(404);
      await io.close();
    }
  });

  test("with an HTTP/2 server", async () => {
    const io = new Server(createSecureServer({ key: TEST_KEY, cert: TEST_CERTIFICATE, allowHTTP1: true }));
    expect(io.engine).toBeDefined();
  });

  test("a request handler is refused", () => {
    expect(() => new Server((() => {}) as never)).toThrow(/request handler/);
  });

  test("its options override the options of attach(), and reach the engine", () => {
    const io = new Server({ pingTimeout: 1 });
    io.attach(createServer(), { pingTimeout: 2, pingInterval: 3 });
    expect((io.engine as never as { opts: object }).opts).toMatchObject({ pingTimeout: 1, pingInterval: 3 });
  });
});

describe("properties and settings", () => {
  test("members for tools and adapters", () => {
    const io = new Server({ connectTimeout: 1, serveClient: false, connectionStateRecovery: {} });
    const inside = io as never as Record<string, unknown>;
    expect(io.sockets).toBeInstanceOf(exportsOf["socket.io"].Namespace);
    expect(io._nsps.get("/")).toBe(io.sockets);
    expect(inside["encoder"]).toHaveProperty("encode");
    expect(inside["_parser"]).toHaveProperty("Decoder");
    expect(inside["_connectTimeout"]).toBe(1);
    const recovery = { maxDisconnectionDuration: 120_000, skipMiddlewares: true };
    for (const name of ["opts", "_opts"]) expect(inside[name]).toMatchObject({ connectionStateRecovery: recovery });
    expect([io.engine, inside["httpServer"]]).toEqual([undefined, undefined]);
    io.attach(createServer());
    expect(inside["eio"]).toBe(io.engine);
  });

  test("getters that are setters", () => {
    const io = new Server();
    expect([io.path(), io.connectTimeout(), io.serveClient()]).toEqual(["/socket.io", 45_000, true]);
    expect(io.path("/x/").connectTimeout(5).serveClient(false)).toBe(io);
    expect([io.path(), io.connectTimeout(), io.serveClient()]).toEqual(["/x", 5, false]);
    const { Adapter } = exportsOf["socket.io-adapter"];
    class Own extends Adapter {}
    io.of("/later");
    expect(io.adapter(Own)).toBe(io);
    expect(io.adapter()).toBe(Own);
    for (const nsp of io._nsps.values()) expect(nsp.adapter).toBeInstanceOf(Own);
  });

  test("connectTimeout ends a connection that joins no namespace", async () => {
    const { url } = await start({ connectTimeout: 20 });
    const { Socket: EngineClient } = await import("engine.io-client");
    const client = new EngineClient(url, { path: "/socket.io/", transports: ["websocket"] });
    expect((await nextEvent(client as never, "close"))[0]).toBe("transport close");
  });

  test("an adapter may be a function, and a parser a pair of classes", async () => {
    const { Adapter } = exportsOf["socket.io-adapter"];
    const made: string[] = [];
    const adapter = function (nsp: Namespace) {
      made.push(nsp.name);
      return new Adapter(nsp);
    };
    const { Encoder, Decoder } = exportsOf["socket.io-parser"];
    const parser = { Encoder: class extends Encoder {}, Decoder: class extends Decoder {} };
    const { io, url } = await start({ adapter: adapter as never, parser });
    const client = await join(url, { parser });
    io.emit("hello", Buffer.from("b"));
    expect(Buffer.from((await nextEvent<[Buffer]>(client, "hello"))[0]).toString()).toBe("b");
    expect(made).toEqual(["/"]);
  });
});

describe("methods", () => {
  test("close() resolves, calls its callback, and may be called again", async () => {
    const http = createServer();
    const io = new Server(http);
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    const first = await new Promise((resolve) => void io.close((error) => resolve(error)));
    expect(first).toBe(undefined);
    const again = await new Promise((resolve) => void io.close((error) => resolve(error)));
    expect(again).toMatchObject({ code: "ERR_SERVER_NOT_RUNNING" });
  });

  test("close() disconnects with its own reason", async () => {
    const running = await serve(subject);
    const client = await join(running.url);
    const [socket] = [...running.io.of("/").sockets.values()] as [Socket];
    const reason = nextEvent(socket, "disconnect");
    await running.stop();
    expect((await reason)[0]).toBe("server shutting down");
    expect(client.connected).toBe(false);
  });

  test("of() takes names with and without a slash, and a listener", async () => {
    const { io, url } = await start();
    expect([io.of("x"), io.of(""), io.of("/")]).toEqual([io.of("/x"), io.sockets, io.sockets]);
    const connected = new Promise((resolve) => io.of("/y", resolve));
    const client = await join(`${url}/y`);
    expect(await connected).toMatchObject({ id: client.id });
  });

  test("stands for its main namespace", async () => {
    const { io, url } = await start();
    const client = await join(url);
    const heard: unknown[] = [];
    client.onAny((event, ...args) => heard.push([event, ...args.filter((arg) => typeof arg !== "function")]));
    client.on("q", (answer: (value: number) => void) => answer(7));
    io.socketsJoin("r");
    expect(io.emit("a")).toBe(true);
    expect(io.send("b").write("c")).toBe(io);
    for (const [index, operator] of [
      io.to("r"),
      io.in("r"),
      io.except("other"),
      io.compress(true),
      io.local,
    ].entries()) {
      operator.emit("o", index);
    }
    expect(await io.timeout(10_000).emitWithAck("q")).toEqual([7]);
    expect(heard).toEqual([
      ["a"],
      ["message", "b"],
      ["message", "c"],
      ...[0, 1, 2, 3, 4].map((index) => ["o", index]),
      ["q"],
    ]);
    expect([...(await io.allSockets())]).toEqual([client.id]);
    expect((await io.fetchSockets()).map(({ id, rooms }) => [id, [...rooms]])).toEqual([[client.id, [client.id, "r"]]]);
    io.socketsLeave("r");
    expect((await io.in("r").fetchSockets()).length).toBe(0);
    const gone = nextEvent(client, "disconnect");
    io.disconnectSockets();
    expect((await gone)[0]).toBe("io server disconnect");
  });

  test("it shares its listeners with the main namespace", () => {
    const io = new Server() as never as IoServer & NodeJS.EventEmitter;
    const listener = (): void => {};
    io.on("connection", listener);
    io.prependListener("connect", listener).once("connect", listener);
    expect(io.sockets.listeners("connection")).toEqual([listener]);
    expect([io.listenerCount("connect"), io.eventNames()]).toEqual([2, ["connection", "connect"]]);
    io.off("connection", listener).removeAllListeners("connect");
    expect(io.rawListeners("connect")).toEqual([]);
    io.setMaxListeners(3);
    expect(io.getMaxListeners()).toBe(3);
  });

  test("reserved names can't be sent between servers", () => {
    const io = new Server();
    for (const name of ["connect", "connection", "new_namespace"]) {
      expect(() => io.serverSideEmit(name as never)).toThrow(`"${name}" is a reserved event name`);
    }
  });
});

describe("namespaces that are made for clients", () => {
  test("by a pattern or a function; the parent reaches its children", async () => {
    const { io, url } = await start({ cleanupEmptyChildNamespaces: true });
    const made: string[] = [];
    io.on("new_namespace", ({ name }) => made.push(name));
    const parent = io.of(/^\/shop-\d$/);
    const used: string[] = [];
    parent.use((socket, next) => {
      used.push(socket.nsp.name);
      next();
    });
    const connected: string[] = [];
    parent.on("connection", (socket) => connected.push(socket.nsp.name));
    io.of((_name, auth, next) => next(null, auth["token"] === "yes"));
    const [one, two] = await Promise.all([join(`${url}/shop-1`), join(`${url}/shop-2`)]);
    expect([used.sort(), connected.sort(), made.sort()]).toEqual([1, 2, 3].map(() => ["/shop-1", "/shop-2"]));
    const heard = [nextEvent(one, "news"), nextEvent(two, "news")];
    parent.emit("news", 1);
    expect(await Promise.all(heard)).toEqual([[1], [1]]);
    expect(() => parent.fetchSockets()).toThrow("fetchSockets() is not supported on parent namespaces");
    await join(`${url}/by-token`, { auth: { token: "yes" } });
    const refused = connectClient(`${url}/nobody`, { forceNew: true, reconnection: false });
    expect((await nextEvent<[Error]>(refused, "connect_error"))[0].message).toBe("Invalid namespace");
    const by = io.of("/shop-1");
    const gone = nextEvent([...by.sockets.values()][0] as Socket, "disconnect");
    one.disconnect();
    await gone;
    await new Promise(setImmediate);
    expect([io._nsps.has("/shop-1"), io._nsps.has("/shop-2")]).toEqual([false, true]);
    expect(io.of("/shop-9").name).toBe("/shop-9");
    await join(`${url}/shop-1`);
  });
});

describe("client files", () => {
  const FILES = ["socket.io.js", "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js"];

  test("all builds and their maps, with type, tag and encoding", async () => {
    const { port } = await start({ cors: { origin: "https://a.example" } });
    for (const file of FILES.flatMap((name) => [name, `${name}.map`])) {
      const { status, headers } = await call({
        port,
        path: `/socket.io/${file}?v=1`,
        headers: { origin: "https://a.example" },
      });
      const type = file.endsWith(".map") ? "json" : "javascript";
      expect([status, headers["content-type"], headers["cache-control"]]).toEqual([
        200,
        `application/${type}; charset=utf-8`,
        "public, max-age=0",
      ]);
      expect(headers["access-control-allow-origin"]).toBe("https://a.example");
      for (const tag of [String(headers["etag"]), `W/${String(headers["etag"])}`]) {
        expect((await call({ port, path: `/socket.io/${file}`, headers: { "if-none-match": tag } })).status).toBe(304);
      }
    }
    for (const encoding of ["br", "gzip", "deflate"]) {
      const { headers } = await call({
        port,
        path: "/socket.io/socket.io.js",
        headers: { "accept-encoding": encoding },
      });
      expect(headers["content-encoding"]).toBe(encoding);
    }
    expect((await call({ port, path: "/socket.io/other.js" })).status).toBe(400);
  });

  test("not with serveClient: false", async () => {
    const { port } = await start({ serveClient: false });
    expect((await call({ port, path: "/socket.io/socket.io.js" })).status).toBe(400);
  });
});
