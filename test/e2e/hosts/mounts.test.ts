import { createServer, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { Server as Engine } from "@portage/server/engine";
import { Server } from "@portage/server";
import { io as connectClient } from "socket.io-client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Host } from "../../support/servers/host.ts";
import { call } from "../../support/raw/http.ts";
import { RawTcp } from "../../support/raw/tcp.ts";
import { RawWebSocket, upgradeRequest } from "../../support/raw/websocket.ts";
import { turn } from "../../support/waiting.ts";

// Several servers on one HTTP server: a path belongs to one of them.

const cleanups: (() => unknown)[] = [];
let warnings: (Error & { code?: string })[] = [];
const onWarning = (warning: Error): void => void warnings.push(warning);
let host: Host;

beforeEach(async () => {
  warnings = [];
  process.on("warning", onWarning);
  host = new Host(createServer((_req, res) => res.end("plain")));
  await host.listen();
  cleanups.push(async () => {
    if (host.http.listening) await new Promise((resolve) => host.http.close(resolve));
    await host.drained();
  });
});
afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup; cleanup = cleanups.pop()) await cleanup();
  process.off("warning", onWarning);
});

function named(name: string, options: object = {}): Server {
  const io = new Server(options);
  io.on("connection", (socket) => socket.on("who", (answer: (name: string) => void) => answer(name)));
  cleanups.push(() => io.close());
  return io;
}

/** Which server answers by polling, WebSocket, and after an upgrade. */
async function answers(path = "/socket.io"): Promise<string[]> {
  const names: string[] = [];
  for (const transports of [["polling"], ["websocket"], ["polling", "websocket"]]) {
    const client = connectClient(host.url, { path, transports, forceNew: true, reconnection: false });
    if (transports.length > 1)
      await new Promise((resolve) => client.io.on("open", () => client.io.engine.once("upgrade", resolve)));
    names.push((await client.emitWithAck("who")) as string);
    client.disconnect();
  }
  return names;
}

/** The warnings about mistakes of the program. Clients of other tests cause warnings, too. */
async function codes(): Promise<unknown[]> {
  await turn();
  return warnings.filter(({ name }) => name === "UsageError").map(({ code }) => code);
}

describe("a second server at the path of another", () => {
  test("throws, and the first goes on", async () => {
    const first = named("first");
    first.attach(host.http);
    expect(() => named("second").attach(host.http)).toThrow(expect.objectContaining({ code: "PATH_TAKEN" }));
    expect(() => new Server(host.http)).toThrow(expect.objectContaining({ name: "UsageError" }));
    expect(() => new Engine().attach(host.http, { path: "/socket.io/" })).toThrow(/path/);
    expect(await codes()).toEqual(["PATH_TAKEN", "PATH_TAKEN", "PATH_TAKEN"]);
    expect(await answers()).toEqual(["first", "first", "first"]);
  });

  test("takes it over once the first is closed, while the HTTP server goes on", async () => {
    const first = named("first");
    first.attach(host.http);
    first.engine.close();
    named("second").attach(host.http);
    expect(await answers()).toEqual(["second", "second", "second"]);
    expect(await codes()).toEqual([]);
  });

  test("may be attached elsewhere", async () => {
    named("first").attach(host.http);
    const other = new Host();
    const second = named("second");
    second.attach(other.http);
    await other.listen();
    expect((await call({ port: other.port, path: "/socket.io/?EIO=4&transport=polling" })).status).toBe(200);
    expect(await codes()).toEqual([]);
  });
});

describe("a program that is reloaded removes the listeners of its HTTP server", () => {
  const removals: [string, () => unknown][] = [
    ["of requests", () => host.http.removeAllListeners("request")],
    [
      "of requests and upgrades",
      () => {
        host.http.removeAllListeners("request");
        host.http.removeAllListeners("upgrade");
      },
    ],
    ["all", () => host.http.removeAllListeners("request").removeAllListeners("upgrade").removeAllListeners("close")],
  ];

  test.each(removals)("%s: another server takes its place", async (_which, remove) => {
    named("first").attach(host.http);
    const beside = named("beside");
    beside.attach(host.http, { path: "/beside" });
    remove();
    named("second").attach(host.http);
    expect(await answers()).toEqual(["second", "second", "second"]);
    beside.attach(host.http, { path: "/beside" });
    expect(await answers("/beside")).toEqual(["beside", "beside", "beside"]);
    expect(await answers()).toEqual(["second", "second", "second"]);
    expect(await codes()).toEqual([]);
  });

  test.each(removals)("%s: the same server is attached again", async (_which, remove) => {
    const io = named("one");
    io.attach(host.http);
    remove();
    io.attach(host.http);
    expect(await answers()).toEqual(["one", "one", "one"]);
    expect(await codes()).toEqual([]);
  });
});

test("a server that others were put in front of still has its path", async () => {
  named("first").attach(host.http);
  named("second").attach(host.http, { path: "/b" });
  named("third", { serveClient: false }).attach(host.http, { path: "/c" });
  expect(() => named("fourth").attach(host.http)).toThrow(expect.objectContaining({ code: "PATH_TAKEN" }));
  expect([await answers(), await answers("/b")].flat().slice(2, 4)).toEqual(["first", "second"]);
});

describe("the same server", () => {
  test("that is attached twice is warned of, and goes on", async () => {
    const io = named("one");
    io.attach(host.http);
    io.attach(host.http);
    io.listen(host.http);
    expect(await codes()).toEqual(["PATH_TAKEN", "PATH_TAKEN"]);
    expect(await answers()).toEqual(["one", "one", "one"]);
  });

  test("may have two paths", async () => {
    const io = named("one");
    io.attach(host.http, { path: "/a" });
    io.attach(host.http, { path: "/b" });
    expect([await answers("/a"), await answers("/b")].flat()).toEqual(Array(6).fill("one"));
    expect(await codes()).toEqual([]);
  });

  test("may be closed and attached again", async () => {
    const io = named("one");
    io.attach(host.http);
    await io.close();
    await host.listen();
    io.attach(host.http);
    expect(await answers()).toEqual(["one", "one", "one"]);
    expect(await codes()).toEqual([]);
  });
});

test("an engine with two paths answers once, also after detach and attach", async () => {
  const engine = new Engine();
  engine.attach(host.http, { path: "/a" });
  engine.attach(host.http, { path: "/b" });
  engine.detach(host.http);
  expect((await call({ port: host.port, path: "/a/?EIO=4&transport=polling" })).text).toBe("plain");
  engine.attach(host.http, { path: "/a" });
  engine.attach(host.http, { path: "/b" });
  cleanups.push(() => engine.close());
  for (const path of ["/a/", "/b/"]) {
    expect((await call({ port: host.port, path: `${path}?EIO=4&transport=polling` })).text).toMatch(/^0\{/);
    const client = await RawWebSocket.connect({ port: host.port, path });
    expect(await client.next()).toMatch(/^0\{/);
    await client.close();
  }
  expect(engine.clientsCount).toBe(2);
});

test.each([[["/live", "/live/admin"]], [["/live/admin", "/live"]]])(
  "of paths that begin alike the longest counts: %j",
  async (paths) => {
    for (const path of paths) named(path).attach(host.http, { path });
    for (const path of paths) expect(await answers(path)).toEqual([path, path, path]);
    expect((await call({ port: host.port, path: "/live2" })).text).toBe("plain");
    expect(await codes()).toEqual([]);
  },
);

test("uWebSockets.js is refused by a code and a sentence", () => {
  expect(() => named("io").attachApp({})).toThrow(
    expect.objectContaining({ code: "NO_UWEBSOCKETS", message: expect.stringContaining("uWebSockets.js") }),
  );
});

describe("subprotocols that a client offers", () => {
  const offer = async (options: object, offered: string): Promise<string | undefined> => {
    named("io", options).attach(host.http);
    const client = await RawWebSocket.connect({ port: host.port, headers: { "Sec-WebSocket-Protocol": offered } });
    const { "sec-websocket-protocol": named_ } = client.headers;
    await client.close();
    return named_;
  };

  test("the first is named", async () => {
    expect(await offer({}, "token-abc, mqtt")).toBe("token-abc");
  });

  test("with compression too", async () => {
    expect(await offer({ perMessageDeflate: true }, "mqtt")).toBe("mqtt");
  });

  test("or the choice of handleProtocols is named", async () => {
    const seen: unknown[] = [];
    const handleProtocols = (protocols: Set<string>, req: { url: string }): string => {
      seen.push([...protocols], req.url.startsWith("/socket.io/"));
      return "mqtt";
    };
    expect(await offer({ handleProtocols }, "token-abc, mqtt")).toBe("mqtt");
    expect(seen).toEqual([["token-abc", "mqtt"], true]);
  });

  test("or handleProtocols refuses all", async () => {
    expect(await offer({ handleProtocols: () => false }, "mqtt")).toBeUndefined();
  });

  test.each([["a,,b"], ["a, a"], ["a b"]])("%j is malformed", async (offered) => {
    await expect(offer({}, offered)).rejects.toMatchObject({ status: 400 });
  });

  test("a handleProtocols that throws, or returns an invalid header value, refuses the handshake", async () => {
    const fail = (): never => {
      throw new Error("a bug");
    };
    await expect(offer({ handleProtocols: fail }, "a")).rejects.toMatchObject({ status: 400 });
  });

  test("a client with the option protocols connects by WebSocket", async () => {
    named("io").attach(host.http);
    const client = connectClient(host.url, { transports: ["websocket"], protocols: ["token-abc"], forceNew: true });
    cleanups.push(() => client.disconnect());
    expect(await client.emitWithAck("who")).toBe("io");
  });
});

test("a WebSocket with a handmade request, without internal properties", async () => {
  const engine = new Engine();
  const http = createServer();
  http.on("upgrade", ({ method, url, headers }: IncomingMessage, stream: Duplex, head: Buffer) =>
    engine.handleUpgrade({ method, url, headers } as IncomingMessage, stream, head),
  );
  const raw = new Host(http);
  await raw.listen();
  cleanups.push(async () => {
    engine.close();
    await new Promise((resolve) => http.close(resolve));
    await raw.drained();
  });
  const opened = new Promise<{ remoteAddress: string }>((resolve) => engine.once("connection", resolve));
  const client = await RawWebSocket.connect({ port: raw.port });
  expect(await client.next()).toMatch(/^0\{/);
  expect((await opened).remoteAddress).toBe("127.0.0.1");
  await client.close();
});

test("a WebSocket handshake of HTTP/1.0, as a proxy may send it on", async () => {
  named("io").attach(host.http);
  const tcp = await RawTcp.open(host.port);
  const request = upgradeRequest({ port: host.port }).replace("HTTP/1.1", "HTTP/1.0");
  await tcp.write(request);
  const head = await tcp.until(/0\{"sid"/);
  expect(head).toMatch(/^HTTP\/1\.1 101 /);
  expect(head).toContain("X-Handshake-Version: HTTP/1.0\r\n");
  tcp.end();
});
