import { type Code, diagnose, type Diagnosis } from "@portage/server/doctor";
import type { ServerOptions } from "socket.io";
import { afterAll, describe, expect, test } from "vitest";
import { serve } from "../../support/servers/host.ts";
import { findProxy } from "../../support/servers/real-proxies.ts";
import { freePort } from "../../support/servers/server-process.ts";
import { subject } from "../../support/targets.ts";

const nginx = await findProxy("nginx");
const haproxy = await findProxy("haproxy");

const ends: Array<() => unknown> = [];
// Most examinations go on side by side: they wait for the ends of quiet connections.
afterAll(async () => {
  while (ends.length > 0) await ends.pop()?.();
});

async function start(options: Partial<ServerOptions> = {}): Promise<number> {
  const running = await serve(subject, options);
  ends.push(() => running.stop());
  return running.port;
}

/** The findings other than ok. */
function complaints({ steps }: Diagnosis): Code[] {
  const findings = steps.flatMap(({ findings }) => findings);
  return findings.filter(({ level }) => level !== "ok").map(({ code }) => code);
}

interface Site {
  /** Servers behind the proxy. */
  readonly upstreams: readonly number[];
  /** The configuration of the location, or of the backend. */
  readonly lines: readonly string[];
  /** Milliseconds. Default 0. */
  readonly hold?: number;
  readonly origin?: string;
}

async function examine(program: "nginx" | "haproxy", site: Site): Promise<Diagnosis> {
  const proxy = program === "nginx" ? nginx : haproxy;
  const write = program === "nginx" ? writeNginx : writeHaproxy;
  const server = await proxy!.start((port) => write(port, site));
  ends.push(() => server.stop());
  const { origin, hold = 0 } = site;
  return diagnose(server.url, { hold, timeout: 3000, ...(origin !== undefined && { origin }) });
}

const writeNginx = (port: number, { upstreams, lines }: Site): string => `
  ${process.getuid?.() === 0 ? "user root;" : ""}
  daemon off; pid pid; error_log stderr notice; worker_processes 1;
  events { worker_connections 100; }
  http {
    access_log off;
    client_body_temp_path a; proxy_temp_path b; fastcgi_temp_path c; uwsgi_temp_path d; scgi_temp_path e;
    upstream up { ${upstreams.map((each) => `server 127.0.0.1:${each} max_fails=0;`).join(" ")} }
    server { listen 127.0.0.1:${port}; location / { ${lines.join(" ")} } }
  }`;

const writeHaproxy = (port: number, { upstreams, lines }: Site): string => `
global
defaults
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 30s
frontend front
  bind 127.0.0.1:${port}
  default_backend up
backend up
  ${lines.join("\n  ")}
  ${upstreams.map((each, index) => `server s${index} 127.0.0.1:${each} cookie s${index}`).join("\n  ")}
`;

const PASS = "proxy_pass http://up;";
const UPGRADE =
  'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";';

describe.skipIf(!nginx)("nginx", () => {
  test("configured as the advice has it", async () => {
    const diagnosis = await examine("nginx", { upstreams: [await start()], lines: [PASS, UPGRADE], hold: 300 });
    expect(complaints(diagnosis)).toEqual([]);
  });

  test.each<[string, string[], Code[]]>([
    ["proxy_pass and no more", [PASS], ["WEBSOCKET_STRIPPED"]],
    [
      "no proxy_http_version",
      [PASS, 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";'],
      ["HANDSHAKE_BY_HTTP_1_0"],
    ],
    ["client_max_body_size", [PASS, UPGRADE, "client_max_body_size 100k;"], ["BODY_LIMITED"]],
    ["a URI behind the host", ["proxy_pass http://up/app/;", UPGRADE], ["PATH_UNKNOWN"]],
    ["a page for every path", ['return 200 "<title>Welcome</title>";'], ["PATH_UNKNOWN"]],
    ["authentication", [PASS, UPGRADE, "deny all;"], ["HANDSHAKE_FORBIDDEN", "WEBSOCKET_FORBIDDEN"]],
    [
      "https only",
      ["return 301 https://127.0.0.1:1$request_uri;"],
      ["REDIRECTED_TO_TLS", "HANDSHAKE_CUT", "WEBSOCKET_CUT"],
    ],
  ])("%s", async (_name, lines, codes) => {
    const running = await serve(subject);
    ends.push(() => running.stop());
    running.host.http.on("request", (req, res) => req.url?.startsWith("/socket.io/") || res.writeHead(404).end());
    expect(complaints(await examine("nginx", { upstreams: [running.port], lines }))).toEqual(codes);
  });

  test("proxy_read_timeout", async () => {
    const lines = [PASS, UPGRADE, "proxy_read_timeout 1s;"];
    const diagnosis = await examine("nginx", { upstreams: [await start()], lines, hold: 1500 });
    expect(complaints(diagnosis)).toEqual(["POLL_CUT", "WEBSOCKET_IDLE_CUT"]);
  });

  test("CORS headers of both", async () => {
    const upstreams = [await start({ cors: { origin: "*" } })];
    const lines = [PASS, UPGRADE, "add_header Access-Control-Allow-Origin *;"];
    expect(complaints(await examine("nginx", { upstreams, lines, origin: "http://a.example" }))).toEqual([
      "CORS_DOUBLED",
    ]);
  });

  test("a server that is down", async () => {
    const diagnosis = await examine("nginx", { upstreams: [await freePort()], lines: [PASS, UPGRADE] });
    expect(complaints(diagnosis)).toEqual(["HANDSHAKE_BAD_GATEWAY", "WEBSOCKET_BAD_GATEWAY"]);
    expect(JSON.stringify(diagnosis)).toContain("(nginx/");
  });

  test("two servers", async () => {
    const upstreams = [await start(), await start()];
    expect(complaints(await examine("nginx", { upstreams, lines: [PASS, UPGRADE] }))).toEqual(["NOT_STICKY"]);
  });
});

const NO_DELAY = "option http-no-delay";

describe.skipIf(!haproxy)("haproxy", () => {
  test.concurrent.each<[string, number, string[], Code[]]>([
    ["one server", 1, [NO_DELAY], []],
    ["two servers in turn", 2, [NO_DELAY, "balance roundrobin"], ["NOT_STICKY"]],
    ["two servers by source", 2, [NO_DELAY, "balance source"], []],
    ["a cookie", 2, [NO_DELAY, "cookie SERVERID insert indirect nocache"], ["STICKY_BY_COOKIE"]],
    ["a lost Upgrade header", 1, [NO_DELAY, "http-request del-header upgrade"], ["WEBSOCKET_STRIPPED"]],
    ["timeout server 1s", 1, [NO_DELAY, "timeout server 1s"], ["POLL_CUT", "WEBSOCKET_IDLE_CUT"]],
    ["timeout tunnel 1s", 1, [NO_DELAY, "timeout tunnel 1s"], ["WEBSOCKET_IDLE_CUT"]],
  ])("%s", async (_name, count, lines, codes) => {
    const upstreams = await Promise.all(Array.from({ length: count }, () => start()));
    expect(complaints(await examine("haproxy", { upstreams, lines, hold: 1500 }))).toEqual(codes);
  });

  test("no line for answers: it delays them by up to 200 ms, which may be too long for a stream", async () => {
    const diagnosis = await examine("haproxy", { upstreams: [await start()], lines: [], hold: 1500 });
    expect([[], ["STREAM_HELD_BACK"]]).toContainEqual(complaints(diagnosis));
  });
});
