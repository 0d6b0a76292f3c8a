import { io as connect } from "@portage/client";
import { type ConnectRefused, Server, type ServerOptions } from "@portage/server";
import type { CorsMismatch } from "@portage/server/engine";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FakeClock } from "../../unit/support/fake-clock.ts";
import { Host } from "../../support/servers/host.ts";
import { call } from "../../support/raw/http.ts";
import { nextEvent } from "../../support/waiting.ts";

let warn: ReturnType<typeof vi.spyOn>;
beforeEach(() => {
  warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
});
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  warn.mockRestore();
  for (let cleanup = cleanups.pop(); cleanup; cleanup = cleanups.pop()) await cleanup();
});

const warnings = (): [unknown, string][] =>
  (warn.mock.calls as [string, { code?: string }][]).map(([text, options]) => [options.code, text]);

async function start(options: Partial<ServerOptions> = {}) {
  const host = new Host();
  const clock = new FakeClock();
  const io = new Server(host.http, { clock, ...options });
  await host.listen();
  cleanups.push(
    () => host.drained(),
    () => io.close(),
  );
  return { io, clock, port: host.port, url: `http://localhost:${host.port}` };
}

async function refused(url: string): Promise<string> {
  const client = connect(url, { forceNew: true, transports: ["websocket"], reconnection: false });
  const [error] = await nextEvent<[Error]>(client, "connect_error");
  client.disconnect();
  return error.message;
}

describe("a client that is not let into a namespace", () => {
  test("leaves an event, a count, and one line a minute", async () => {
    const { io, clock, url } = await start();
    const events: ConnectRefused[] = [];
    io.on("connect_refused", (event) => events.push(event));
    io.of("/closed").use((_socket, next) => next(new Error("not today")));
    io.of("/broken").use(() => Promise.reject(new Error("mine alone")));
    io.on("handler_error", () => {});
    expect(await refused(`${url}/nowhere`)).toBe("Invalid namespace");
    expect(await refused(`${url}/nowhere\nelse`)).toBe("Invalid namespace");
    expect(await refused(`${url}/closed`)).toBe("not today");
    expect(await refused(`${url}/broken`)).toBe("Internal server error");
    expect(events.map(({ code, namespace, message }) => [code, namespace, message])).toEqual([
      ["UNKNOWN_NAMESPACE", "/nowhere", "Invalid namespace"],
      ["UNKNOWN_NAMESPACE", expect.stringMatching(/^\/nowhere/), "Invalid namespace"],
      ["MIDDLEWARE_REFUSED", "/closed", "not today"],
      ["MIDDLEWARE_FAILED", "/broken", "Internal server error"],
    ]);
    expect(events[2]!.socket?.nsp.name).toBe("/closed");
    expect(events[0]!.conn.id).toHaveLength(20);
    expect(io.stats().connectsRefused).toEqual({ UNKNOWN_NAMESPACE: 2, MIDDLEWARE_REFUSED: 1, MIDDLEWARE_FAILED: 1 });
    expect(io.metrics()).toContain('portage_connects_refused_total{code="UNKNOWN_NAMESPACE"} 2\n');
    expect(warnings().map(([code]) => code)).toEqual(["UNKNOWN_NAMESPACE", "MIDDLEWARE_REFUSED", "MIDDLEWARE_FAILED"]);
    expect(warnings()[0]![1]).toContain('"/nowhere"');
    expect(warnings()[1]![1]).toContain("not today");
    expect(warnings()[2]![1]).not.toContain("mine alone");

    clock.advance(60_000);
    await refused(`${url}/elsewhere`);
    expect(warnings().at(-1)![1]).toMatch(/"\/elsewhere".*\(and 1 more since/);
  });

  test("for a limit, too", async () => {
    const { io, url } = await start({ maxNamespaces: 1 });
    const client = connect(url, { forceNew: true, transports: ["websocket"], reconnection: false });
    await nextEvent(client, "connect");
    const [error] = await nextEvent<[Error]>(client.io.socket("/second"), "connect_error");
    client.io.engine.close();
    expect(error.message).toMatch(/maxNamespaces/);
    expect(io.stats().connectsRefused).toEqual({ TOO_MANY_NAMESPACES: 1 });
  });
});

describe("a page that may not read the answer", () => {
  const origin = "http://page.example";
  const open = (port: number, headers: Record<string, string>, method = "GET") =>
    call({ port, method, path: "/socket.io/?EIO=4&transport=polling", headers });

  test.each<[string, Partial<ServerOptions>]>([
    ["without cors", {}],
    ["with another origin in cors", { cors: { origin: "https://other.example" } }],
    ["with a list of origins in cors", { cors: { origin: ["https://other.example", /third/] } }],
  ])("leaves an event, a count and one line: %s", async (_name, options) => {
    const { io, port } = await start(options);
    const events: CorsMismatch[] = [];
    io.engine.on("cors_mismatch", (event: CorsMismatch) => events.push(event));
    for (let count = 0; count < 3; count += 1) expect((await open(port, { origin })).status).toBe(200);
    await expect.poll(() => events.length).toBe(3);
    expect(events[0]).toMatchObject({ origin, req: { url: expect.stringContaining("EIO=4") } });
    expect(io.stats().corsMismatches).toBe(3);
    expect(io.metrics()).toContain("portage_cors_mismatches_total 3\n");
    expect(warnings()).toEqual([["ORIGIN_NOT_ALLOWED", expect.stringContaining(`"${origin}"`)]]);
  });

  test("also where its browser asks first, and gets no further", async () => {
    const { io, port } = await start({ cors: { origin: "https://other.example" } });
    const headers = { origin, "access-control-request-method": "GET", "access-control-request-headers": "x-mine" };
    await open(port, headers, "OPTIONS");
    await expect.poll(() => io.stats().corsMismatches).toBe(1);
  });

  test("also where its browser asks first a server without cors", async () => {
    const { io, port } = await start();
    await open(port, { origin, "access-control-request-method": "GET" }, "OPTIONS");
    await expect.poll(() => io.stats().corsMismatches).toBe(1);
  });

  test("also where it is a file, or in a sandbox", async () => {
    const { io, port } = await start();
    await open(port, { origin: "null" });
    await expect.poll(() => io.stats().corsMismatches).toBe(1);
    expect(warnings()[0]![1]).toContain('"null"');
  });

  test("also where it sends cookies, and cors does not let it", async () => {
    const { io, port } = await start({ cors: { origin: "*" } });
    await open(port, { origin });
    await open(port, { origin, cookie: "a=b" });
    await expect.poll(() => io.stats().corsMismatches).toBe(1);
    expect(warnings()[0]![1]).toContain("`credentials: true`");
    const other = await start({ cors: { origin, credentials: true } });
    await open(other.port, { origin, cookie: "a=b" });
    expect(other.io.stats().corsMismatches).toBe(0);
  });

  test("is reported with the option's value, which shows a surplus slash", async () => {
    const { io, port } = await start({ cors: { origin: `${origin}/` } });
    await open(port, { origin });
    await expect.poll(() => io.stats().corsMismatches).toBe(1);
    expect(warnings()[0]![1]).toContain(`"${origin}/"`);
  });

  test("over WebSocket it leaves one line as well", async () => {
    const { io, url } = await start({ cors: { origin: "https://other.example" } });
    const options = { forceNew: true, transports: ["websocket"], reconnection: false, extraHeaders: { origin } };
    const client = connect(url, options);
    await nextEvent(client, "connect_error");
    client.disconnect();
    expect(io.stats().refusals).toMatchObject({ ORIGIN_NOT_ALLOWED: 1 });
    expect(warnings()).toEqual([["ORIGIN_NOT_ALLOWED", expect.stringContaining(`"${origin}"`)]]);
  });

  test("but not for allowed pages, or requests without another origin", async () => {
    const { io, port } = await start({ cors: { origin } });
    await open(port, { origin });
    await open(port, {});
    await open(port, { origin: `http://localhost:${port}`, host: `localhost:${port}` });
    await open(port, { origin: "https://page.of.ours", "x-forwarded-host": "page.of.ours" });
    await open(port, { origin: "http://localhost:1", "sec-fetch-site": "same-origin" });
    await open(port, { origin: "capacitor://localhost" });
    io.engine.on("headers", (headers: Record<string, string>) => (headers["Access-Control-Allow-Origin"] = "*"));
    await open(port, { origin: "http://stranger.example" });
    // a request that is refused has its own event
    await call({ port, path: "/socket.io/?EIO=4&transport=pigeon", headers: { origin: "http://stranger.example" } });
    expect(io.stats().corsMismatches).toBe(0);
    expect(warnings()).toEqual([]);
  });
});
