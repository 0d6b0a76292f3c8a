import { once } from "node:events";
import { createServer, request } from "node:http";
import { describe, expect, test, vi } from "vitest";
import { Namespace, Server } from "@portage/server";
import { ClientFiles } from "../../../packages/server/src/socketio/host/client-files.ts";
import { Bench } from "./peer.ts";

describe("the constructor", () => {
  test("takes nothing, options, or an HTTP server with options", async () => {
    expect(new Server().engine).toBeUndefined();
    expect(new Server({ path: "/x/" }).path()).toBe("/x");
    const httpServer = createServer();
    const io = new Server(httpServer, { serveClient: false, pingInterval: 7 });
    expect(io.httpServer).toBe(httpServer);
    expect(io.serveClient()).toBe(false);
    expect(io.engine.opts.pingInterval).toBe(7);
  });

  test.each([0, "0"])("takes a port: %j", async (port) => {
    const io = new Server(port as number);
    await once(io.httpServer, "listening");
    await io.close();
  });

  test("refuses a request handler", () => {
    expect(() => new Server((() => {}) as never)).toThrow(
      expect.objectContaining({ code: "NOT_AN_HTTP_SERVER", message: expect.stringMatching(/request handler/) }),
    );
  });

  test("leaves the caller's options unchanged; they override the options of attach()", () => {
    const options = { pingTimeout: 1, connectionStateRecovery: {} };
    const later = { pingTimeout: 2, pingInterval: 3 };
    const io = new Server(options);
    io.attach(createServer(), later);
    expect(io.engine.opts).toMatchObject({ pingTimeout: 1, pingInterval: 3 });
    expect(options).toEqual({ pingTimeout: 1, connectionStateRecovery: {} });
    expect(later).toEqual({ pingTimeout: 2, pingInterval: 3 });
    expect(io._opts).toBe(io.opts);
    expect(io.opts.connectionStateRecovery).toEqual({ maxDisconnectionDuration: 120_000, skipMiddlewares: true });
  });
});

describe("settings", () => {
  test("are read without, and set with an argument", () => {
    const io = new Server();
    expect([io.path(), io.serveClient(), io.connectTimeout()]).toEqual(["/socket.io", true, 45_000]);
    expect(io.path("/a/").serveClient(false).connectTimeout(5)).toBe(io);
    expect([io.path(), io.serveClient(), io.connectTimeout()]).toEqual(["/a", false, 5]);
  });

  test("have the values that adapters and tools look up", () => {
    const io = new Server();
    expect(io._nsps.get("/")).toBe(io.sockets);
    expect(io.sockets).toBeInstanceOf(Namespace);
    expect(io._connectTimeout).toBe(45_000);
    expect(typeof io._parser.Decoder).toBe("function");
  });
});

describe("listeners", () => {
  test("are shared with the main namespace, by any method", async () => {
    const { io } = new Bench();
    const calls: string[] = [];
    expect(io.on("x", () => calls.push("on"))).toBe(io);
    io.once("x", () => calls.push("once"));
    io.prependListener("x", () => calls.push("first"));
    expect(io.listenerCount("x")).toBe(3);
    expect(io.sockets.listenerCount("x")).toBe(3);
    expect(io.eventNames()).toEqual(["x"]);
    io.sockets._onServerSideEmit(["x"]);
    io.sockets._onServerSideEmit(["x"]);
    expect(calls).toEqual(["first", "on", "once", "first", "on"]);
    io.removeAllListeners("x");
    expect(io.listeners("x")).toEqual([]);
    expect(io.setMaxListeners(3).getMaxListeners()).toBe(3);
    const next = once(io, "y");
    io.sockets._onServerSideEmit(["y", 1]);
    expect(await next).toEqual([1]);
  });
});

describe("close()", () => {
  test("gives the error of an HTTP server that was not running, and does not reject", async () => {
    const io = new Server(createServer());
    const callback = vi.fn();
    await expect(io.close(callback)).resolves.toBeUndefined();
    expect(callback).toHaveBeenCalledWith(expect.objectContaining({ code: "ERR_SERVER_NOT_RUNNING" }));
  });

  test("works on a server that was never attached", async () => {
    const callback = vi.fn();
    await new Server().close(callback);
    expect(callback).toHaveBeenCalledWith(undefined);
  });

  test("closes the attached server; it may listen again", async () => {
    const io = new Server(0);
    await once(io.httpServer, "listening");
    const first = io.httpServer;
    await io.close();
    expect(first.listening).toBe(false);
    io.listen(0);
    await once(io.httpServer, "listening");
    expect(io.httpServer).not.toBe(first);
    await io.close();
  });

  test("is not held up by an adapter that fails", async () => {
    const { io } = new Bench();
    const failures = vi.fn();
    io.on("handler_error", failures);
    io.sockets.adapter.close = async () => Promise.reject(new Error("bus is gone"));
    await expect(io.close()).resolves.toBeUndefined();
    expect(failures).toHaveBeenCalledTimes(1);
  });
});

describe("client files", () => {
  type Answer = { status: number | undefined; headers: Record<string, unknown>; body: Buffer };
  async function get(io: Server, path: string, headers: Record<string, string> = {}): Promise<Answer> {
    const { port } = io.httpServer.address() as { port: number };
    return new Promise((resolve, reject) => {
      const req = request({ port, path, headers, agent: false }, (res) => {
        const chunks: Buffer[] = [];
        res.on("data", (chunk: Buffer) => chunks.push(chunk));
        res.on("end", () => resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(chunks) }));
      });
      req.on("error", reject).end();
    });
  }
  async function serving(io: Server, check: () => Promise<void>): Promise<void> {
    io.listen(0);
    await once(io.httpServer, "listening");
    try {
      await check();
    } finally {
      await io.close();
    }
  }

  test("are served below the path, four builds with their maps, and nothing else", async () => {
    const io = new Server();
    await serving(io, async () => {
      for (const build of ["socket.io.js", "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js"]) {
        const file = await get(io, `/socket.io/${build}?v=1`);
        expect(file.status).toBe(200);
        expect(file.headers).toMatchObject({
          "content-type": "application/javascript; charset=utf-8",
          "cache-control": "public, max-age=0",
          vary: "Accept-Encoding",
        });
        expect(file.body.toString()).toContain("engine.io");
        const map = await get(io, `/socket.io/${build}.map`);
        expect(map.headers["content-type"]).toBe("application/json; charset=utf-8");
        expect(JSON.parse(map.body.toString())).toMatchObject({ version: 3, mappings: expect.any(String) });
      }
      for (const other of ["package.json", "socket.io.css", "../package.json", "socket.io.js.map.map", ""]) {
        expect((await get(io, `/socket.io/${other}`)).status).toBe(400);
      }
      expect((await get(io, "/socket.io.js")).status).toBe(404);
    });
  });

  test("have a tag of their own for each content and each encoding", async () => {
    const io = new Server();
    await serving(io, async () => {
      const tags = new Map<string, string>();
      for (const file of ["socket.io.js", "socket.io.min.js", "socket.io.js.map", "socket.io.min.js.map"]) {
        for (const encoding of ["identity", "br", "gzip", "deflate"]) {
          const { headers } = await get(io, `/socket.io/${file}`, { "accept-encoding": encoding });
          tags.set(`${file} ${encoding}`, headers["etag"] as string);
        }
      }
      expect(new Set(tags.values()).size).toBe(16);
      for (const tag of tags.values()) expect(tag).toMatch(/^"[\w-]{22,}"$/);
      const other = new Server();
      await serving(other, async () => {
        const { headers } = await get(other, "/socket.io/socket.io.js");
        expect(headers["etag"]).toBe(tags.get("socket.io.js identity"));
      });
    });
  });

  test.each(["socket.io.js", "socket.io.min.js.map"])("are not sent again to who has them: %s", async (file) => {
    const io = new Server();
    await serving(io, async () => {
      for (const encoding of ["identity", "br", "gzip", "deflate"]) {
        const ask = (known: string) =>
          get(io, `/socket.io/${file}`, { "accept-encoding": encoding, "if-none-match": known });
        const { etag } = (await ask('"other"')).headers as { etag: string };
        for (const known of [etag, `W/${etag}`, `"other", ${etag}`, `W/"other",W/${etag}`, "*"]) {
          const { status, headers, body } = await ask(known);
          expect([status, body.length, headers["etag"], headers["vary"]]).toEqual([304, 0, etag, "Accept-Encoding"]);
          expect(headers["content-encoding"]).toBeUndefined();
        }
        for (const unknown of ['"other"', etag.slice(1, -1), `"${etag.slice(1, -1)}x"`, ""]) {
          expect((await ask(unknown)).status).toBe(200);
        }
      }
    });
  });

  test.each([
    ["gzip, deflate, br", "gzip"],
    ["br, gzip", "br"],
    ["*", "br"],
    ["*, deflate", "deflate"],
    ["gzip;q=0.5, br;q=0.4", "gzip"],
    ["identity, gzip;q=0.5", "gzip"],
    ["GZIP", "gzip"],
    ["gzip;q=none", undefined],
    ["*;q=0", undefined],
    ["gzip;q=0.8, deflate;q=0.9", "deflate"],
    ["gzip, br;q=0", "gzip"],
    ["identity", undefined],
  ])("are compressed as the client likes: %s", async (accepted, encoding) => {
    const io = new Server();
    await serving(io, async () => {
      const { headers, body } = await get(io, "/socket.io/socket.io.min.js", { "accept-encoding": accepted });
      expect(headers["content-encoding"]).toBe(encoding);
      expect(body.length < 16_000).toBe(encoding !== undefined);
    });
  });

  test("have the headers of the option cors", async () => {
    const io = new Server({ cors: { origin: "http://elsewhere" } });
    await serving(io, async () => {
      const { headers } = await get(io, "/socket.io/socket.io.js");
      expect(headers["access-control-allow-origin"]).toBe("http://elsewhere");
      expect(headers["vary"]).toBe("Origin, Accept-Encoding");
    });
  });

  test("may be switched off", async () => {
    const io = new Server({ serveClient: false });
    await serving(io, async () => expect((await get(io, "/socket.io/socket.io.js")).status).toBe(400));
  });

  test("that are not installed are missed in a clear sentence", async () => {
    const io = new Server({ serveClient: false });
    const rules = { isOn: () => true, path: () => "/socket.io", locate: () => null, onFailure: vi.fn() };
    await serving(io, async () => {
      new ClientFiles(rules, undefined).takeRequests(io.httpServer);
      const { status, body } = await get(io, "/socket.io/socket.io.js");
      expect(status).toBe(404);
      expect(JSON.parse(body.toString())).toEqual({
        code: "CLIENT_FILES_MISSING",
        message: expect.stringContaining("@portage/client"),
      });
      expect((await get(io, "/socket.io/")).status).toBe(400);
    });
  });
});
