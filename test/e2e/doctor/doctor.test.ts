import { createServer as createSecureServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { type Code, diagnose, type Diagnosis, type DoctorOptions } from "@portage/server/doctor";
import type { ServerOptions } from "socket.io";
import { afterAll, describe, expect, test } from "vitest";
import { TEST_CERTIFICATE, TEST_KEY } from "../../support/servers/certificate.ts";
import { Host, serve, serveEngine } from "../../support/servers/host.ts";
import { type Faults, Proxy } from "../../support/scripted/proxy.ts";
import { freePort } from "../../support/servers/server-process.ts";
import { portage, reference, subject } from "../../support/targets.ts";

const ends: Array<() => unknown> = [];
// Some examinations go on side by side.
afterAll(async () => {
  while (ends.length > 0) await ends.pop()?.();
});

async function start(options: Partial<ServerOptions> = {}, target = subject): Promise<number> {
  const running = await serve(target, options);
  ends.push(() => running.stop());
  return running.port;
}

/** A server behind a proxy with faults. */
async function behind(faults: Partial<Faults>, options: Partial<ServerOptions> = {}): Promise<string> {
  const upstreams = faults.upstreams ?? [await start(options)];
  const proxy = new Proxy({ ...faults, upstreams });
  ends.push(() => proxy.stop());
  return proxy.listen();
}

const examine = (url: string, options: DoctorOptions = {}): Promise<Diagnosis> =>
  diagnose(url, { hold: 0, timeout: 3000, ...options });

/** The findings other than ok. */
function complaints({ steps }: Diagnosis): Code[] {
  const findings = steps.flatMap(({ findings }) => findings);
  return [...new Set(findings.filter(({ level }) => level !== "ok").map(({ code }) => code))];
}

/** All texts of the doctor: sentences and advice. */
function words({ steps }: Diagnosis): string {
  const findings = steps.flatMap(({ findings }) => findings);
  return findings.flatMap(({ sentence, advice }) => [sentence, ...advice.map(({ what }) => what)]).join("\n");
}

describe("servers in order", () => {
  test.each([portage, reference])("$name: nothing to complain of", async (target) => {
    const port = await start({ cors: { origin: "http://a.example", credentials: true } }, target);
    const diagnosis = await examine(`http://127.0.0.1:${port}`, { origin: "http://a.example", hold: 100 });
    expect(complaints(diagnosis)).toEqual([]);
    expect(diagnosis).toMatchObject({ verdict: "fine", works: ["polling", "websocket"] });
    expect(diagnosis.steps.map(({ name }) => name)).toEqual(
      "address connection handshake stickiness cors messages body-size compression streaming websocket upgrade quiet".split(
        " ",
      ),
    );
  });

  test("the heartbeat goes on while connections are held", async () => {
    const port = await start({ pingInterval: 50, pingTimeout: 200 });
    expect(await examine(`http://127.0.0.1:${port}`, { hold: 400 })).toMatchObject({ verdict: "fine" });
  });

  test("leaves no session behind", async () => {
    const running = await serve(subject);
    ends.push(() => running.stop());
    await examine(running.url, { hold: 50 });
    await expect.poll(() => running.io.engine.clientsCount).toBe(0);
  });

  test("another path, a namespace, a query and headers", async () => {
    const running = await serve(subject, {
      path: "/live",
      allowRequest: (req, answer) => answer(null, req.headers["x-key"] === "k" && /token=t/.test(req.url ?? "")),
    });
    ends.push(() => running.stop());
    running.io.of("/admin");
    const options = { path: "/live/", headers: { "X-Key": "k" } };
    const diagnosis = await examine(`${running.url}/admin?token=t`, options);
    expect(complaints(diagnosis)).toEqual([]);
    expect(words(diagnosis)).toContain("clients can join the namespace /admin");
    expect(complaints(await examine(running.url, options))).toEqual(["HANDSHAKE_FORBIDDEN", "WEBSOCKET_FORBIDDEN"]);
  });

  test("Engine.IO without Socket.IO", async () => {
    const running = await serveEngine(subject);
    ends.push(() => running.stop());
    const diagnosis = await examine(`http://127.0.0.1:${running.port}`, { path: "/engine.io/" });
    expect(complaints(diagnosis)).toEqual(["NAMESPACE_SILENT"]);
    expect(diagnosis.verdict).toBe("fine");
  });

  test("an application that refuses the client", async () => {
    const running = await serve(subject);
    ends.push(() => running.stop());
    running.io.use((_socket, next) => next(new Error("no token")));
    const diagnosis = await examine(running.url);
    expect(complaints(diagnosis)).toEqual(["NAMESPACE_REFUSED"]);
    expect(words(diagnosis)).toContain("no token");
  });
});

describe("servers that do not offer everything", () => {
  test.each<[string, Partial<ServerOptions>, Code[], string[]]>([
    ["polling only", { transports: ["polling"] }, ["NO_UPGRADE_OFFERED", "WEBSOCKET_OFF"], ["polling"]],
    ["WebSocket only", { transports: ["websocket"] }, ["POLLING_OFF"], ["websocket"]],
    ["no upgrades", { allowUpgrades: false }, ["NO_UPGRADE_OFFERED"], ["polling", "websocket"]],
  ])("%s", async (_name, options, codes, works) => {
    const diagnosis = await examine(`http://127.0.0.1:${await start(options)}`);
    expect(complaints(diagnosis)).toEqual(codes);
    expect(diagnosis).toMatchObject({ verdict: "limited", works });
  });

  test.each([
    ["text", '97:0{"sid":"a","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":5000}2:40'],
    ["binary", '\u0000\u0009\u0007\u00ff0{"sid":"a","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":5000}'],
  ])("revision 3 only, %s", async (_form, body) => {
    expect(complaints(await examine(await behind({ page: [200, body] })))).toEqual(["EIO3_ONLY"]);
  });
});

describe("proxies with faults", () => {
  test.each<[string, Partial<Faults>, Code[], Diagnosis["verdict"], string]>([
    [
      "the Upgrade header is stripped",
      { stripsUpgrade: true },
      ["WEBSOCKET_STRIPPED"],
      "limited",
      "proxy_set_header Upgrade $http_upgrade",
    ],
    [
      "WebSocket is answered with 426",
      { upgradeStatus: 426 },
      ["WEBSOCKET_UPGRADE_REQUIRED"],
      "limited",
      "(wrong/1.0)",
    ],
    ["WebSocket is answered with 403", { upgradeStatus: 403 }, ["WEBSOCKET_FORBIDDEN"], "limited", "--origin"],
    ["WebSocket is answered with 502", { upgradeStatus: 502 }, ["WEBSOCKET_BAD_GATEWAY"], "limited", "502"],
    ["WebSocket is answered with 400", { upgradeStatus: 400 }, ["WEBSOCKET_REFUSED"], "limited", "400"],
    ["large messages end a WebSocket", { messageLimit: 65_536 }, ["WEBSOCKET_MESSAGE_CUT"], "limited", "1006"],
    [
      "all is answered with 502",
      { page: [502, "<h1>Bad Gateway</h1>"] },
      ["HANDSHAKE_BAD_GATEWAY", "WEBSOCKET_BAD_GATEWAY"],
      "unreachable",
      "upstream",
    ],
    [
      "a page of another server",
      { page: [200, "<title>Welcome</title>"] },
      ["PATH_UNKNOWN"],
      "unreachable",
      "text/html (wrong/1.0)",
    ],
    ["an unknown path", { page: [404, "<h1>Not found</h1>"] }, ["PATH_UNKNOWN"], "unreachable", "status 404"],
    [
      "too many requests",
      { page: [429, "slow down"] },
      ["HANDSHAKE_REFUSED", "WEBSOCKET_REFUSED"],
      "unreachable",
      "429 (wrong/1.0): slow down",
    ],
    [
      "plain HTTP at a port of TLS",
      { page: [400, "The plain HTTP request was sent to HTTPS port"] },
      ["TLS_EXPECTED"],
      "unreachable",
      "https://",
    ],
    [
      "an encoding that is none",
      { headers: (headers) => void (headers["content-encoding"] = "gzip") },
      ["COMPRESSION_BROKEN"],
      "limited",
      "httpCompression: false",
    ],
  ])("%s", async (_name, faults, codes, verdict, said) => {
    const diagnosis = await examine(await behind(faults));
    expect(complaints(diagnosis)).toEqual(codes);
    expect(diagnosis.verdict).toBe(verdict);
    expect(words(diagnosis)).toContain(said);
  });

  test.concurrent.each<[string, Partial<Faults>, Code[], string]>([
    ["nothing passes a WebSocket", { isDeafAfterUpgrade: true }, ["WEBSOCKET_SILENT"], "do not scan"],
    [
      "bodies of answers are held back",
      { holdsAnswers: 900 },
      ["RESPONSE_HELD_BACK", "STREAM_HELD_BACK"],
      "proxy_buffering off",
    ],
  ])("%s", async (_name, faults, codes, said) => {
    const diagnosis = await examine(await behind(faults));
    expect(complaints(diagnosis)).toEqual(codes);
    expect(diagnosis.verdict).toBe("limited");
    expect(words(diagnosis)).toContain(said);
  });

  // Separate, as only the timeout ends this step.
  test("answers to waiting polls are swallowed", async () => {
    const diagnosis = await examine(await behind({ swallowsPolls: true }), { timeout: 2000 });
    expect(complaints(diagnosis)).toEqual(["RESPONSE_SWALLOWED"]);
    expect(diagnosis.verdict).toBe("limited");
    expect(words(diagnosis)).toContain("proxy_buffering off");
  });

  // On a busy machine, an answer may take longer than a shorter limit.
  test("quiet connections are cut after 800 ms", async () => {
    const diagnosis = await examine(await behind({ idle: 800 }), { hold: 2500 });
    expect(complaints(diagnosis)).toEqual(["POLL_CUT", "WEBSOCKET_IDLE_CUT"]);
    expect(words(diagnosis)).toMatch(/idle WebSocket ends after (0\.[89]|1\.\d) s[\s\S]*set pingInterval below that/);
  });

  test.each([
    ["413", { bodyLimit: 100_000 }, "BODY_LIMITED"],
    ["the end of the connection", { bodyLimit: 100_000, cutsLargeBodies: true }, "BODY_CUT"],
  ])("bodies over 100,000 bytes are answered with %s", async (_answer, faults, code) => {
    const diagnosis = await examine(await behind(faults));
    expect(complaints(diagnosis)).toEqual([code]);
    const { facts } = diagnosis.steps.flatMap(({ findings }) => findings).find((each) => each.code === code)!;
    expect(facts["passed"]).toBeGreaterThan(95_000);
    expect(facts["passed"]).toBeLessThanOrEqual(100_000);
    expect(words(diagnosis)).toContain(`maxHttpBufferSize to ${facts["passed"]}`);
  });

  test("two servers in turn", async () => {
    const upstreams = [await start(), await start()];
    const diagnosis = await examine(await behind({ upstreams }));
    expect(complaints(diagnosis)).toEqual(["NOT_STICKY"]);
    expect(diagnosis).toMatchObject({ verdict: "limited", works: ["websocket"] });
    expect(words(diagnosis)).toMatch(/several servers[\s\S]*ip_hash[\s\S]*transports: \["websocket"\]/);
  });

  test("two servers, and a cookie that names one", async () => {
    const upstreams = [await start(), await start()];
    const diagnosis = await examine(await behind({ upstreams, isStickyByCookie: true }));
    expect(complaints(diagnosis)).toEqual(["STICKY_BY_COOKIE"]);
    expect(words(diagnosis)).toMatch(/the cookie SERVERID [\s\S]*withCredentials/);
  });

  test("a path that is changed on the way", async () => {
    const rewrite = (path: string): string =>
      path.replace(/^\/socket\.io/, "/elsewhere").replace(/^\/ws/, "/socket.io");
    const running = await serve(subject);
    ends.push(() => running.stop());
    running.host.http.on("request", (req, res) => req.url?.startsWith("/socket.io/") || res.writeHead(404).end());
    const diagnosis = await examine(await behind({ rewrite, upstreams: [running.port] }));
    expect(complaints(diagnosis)).toEqual(["PATH_ELSEWHERE"]);
    expect(words(diagnosis)).toContain('io(url, { path: "/ws/" })');
  });

  test.each<[string, Faults["headers"], Code]>([
    ["adds no CORS headers", undefined, "CORS_MISSING"],
    [
      "allows another origin",
      (all) => void (all["access-control-allow-origin"] = "http://b.example"),
      "CORS_OTHER_ORIGIN",
    ],
    ["allows twice", (all) => void (all["access-control-allow-origin"] = ["*", "*"]), "CORS_DOUBLED"],
    ["allows all, without cookies", (all) => void (all["access-control-allow-origin"] = "*"), "CORS_NO_CREDENTIALS"],
  ])("%s", async (_name, headers, code) => {
    const url = await behind(headers ? { headers } : {});
    const diagnosis = await examine(url, { origin: "http://a.example" });
    expect(complaints(diagnosis)).toEqual([code]);
    expect(words(diagnosis)).toContain("pages of http://a.example");
  });

  test("redirections are followed and reported", async () => {
    const url = await behind({ redirectsTo: `http://127.0.0.1:${await start()}`, upstreams: [0] });
    const diagnosis = await examine(url);
    expect(complaints(diagnosis)).toEqual(["REDIRECTED"]);
    expect(diagnosis.works).toEqual(["polling", "websocket"]);
  });

  test("a redirection to itself", async () => {
    const url = await behind({ redirectsTo: "/login" });
    expect(complaints(await examine(url))).toEqual(["PATH_UNKNOWN"]);
  });
});

describe("no server", () => {
  test("nothing listens", async () => {
    const diagnosis = await examine(`http://127.0.0.1:${await freePort()}`);
    expect(complaints(diagnosis)).toEqual(["TCP_REFUSED"]);
    expect(diagnosis).toMatchObject({ verdict: "unreachable", works: [] });
  });

  test("no address", async () => {
    expect(complaints(await examine("http://nowhere.invalid"))).toEqual(["ADDRESS_UNKNOWN"]);
  });

  test.each<[string, (socket: Socket) => void, Code[]]>([
    ["connections are ended at once", (socket) => socket.destroy(), ["HANDSHAKE_CUT", "WEBSOCKET_CUT"]],
    ["nothing is ever said", () => undefined, ["HANDSHAKE_TIMEOUT", "WEBSOCKET_TIMEOUT"]],
    ["it is no HTTP", (socket) => void socket.write("220 mail.example ESMTP\r\n"), ["HANDSHAKE_CUT", "WEBSOCKET_CUT"]],
  ])("%s", async (_name, onConnection, codes) => {
    const sockets = new Set<Socket>();
    const server = createTcpServer((socket) => {
      sockets.add(socket.on("error", () => undefined));
      onConnection(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    ends.push(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    expect(complaints(await examine(`http://127.0.0.1:${port}`, { timeout: 300 }))).toEqual(codes);
  });

  test("an address without a web server", async () => {
    await expect(diagnose("ftp://example.org")).rejects.toThrow(TypeError);
  });
});

describe("TLS", () => {
  test("an untrusted certificate; the other steps still run", async () => {
    const host = new Host(createSecureServer({ key: TEST_KEY, cert: TEST_CERTIFICATE }) as never);
    const io = new subject.socketio.Server(host.http);
    await host.listen();
    ends.push(() => io.close());
    const diagnosis = await examine(`https://localhost:${host.port}`);
    expect(complaints(diagnosis)).toContain("TLS_UNTRUSTED");
    expect(words(diagnosis)).toContain("NODE_EXTRA_CA_CERTS");
    expect(diagnosis.verdict).toBe("unreachable");
    // http where https is spoken
    expect(complaints(await examine(`http://127.0.0.1:${host.port}`))).toEqual(["HANDSHAKE_CUT", "WEBSOCKET_CUT"]);
  });

  test("https where http is spoken", async () => {
    const diagnosis = await examine(`https://127.0.0.1:${await start()}`);
    expect(complaints(diagnosis)).toEqual(["TLS_NOT_SPOKEN"]);
    expect(words(diagnosis)).toContain("use http://");
  });
});
