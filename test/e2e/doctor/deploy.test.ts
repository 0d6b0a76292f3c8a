import { readFileSync } from "node:fs";
import { type Code, diagnose, type Diagnosis } from "@portage/server/doctor";
import { afterAll, expect, test } from "vitest";
import { serve } from "../../support/servers/host.ts";
import { findProxy } from "../../support/servers/real-proxies.ts";
import { subject } from "../../support/targets.ts";

// The configurations of docs/deploy, as they stand there, with two servers behind each.

const ends: Array<() => unknown> = [];
afterAll(async () => {
  while (ends.length > 0) await ends.pop()?.();
});

/** The first block of a page, with the ports of the test in place of its own. */
function configuration(name: "nginx" | "haproxy" | "caddy", servers: readonly number[], port: number): string {
  const page = readFileSync(new URL(`../../../docs/deploy/${name}.md`, import.meta.url), "utf8");
  const text = /^```(?:nginx|haproxy|caddyfile)\n([^]*?)^```$/m.exec(page)![1]!;
  return text
    .replaceAll(/127\.0\.0\.1:300([12])/g, (_address, digit: string) => `127.0.0.1:${servers[Number(digit) - 1]}`)
    .replace("listen 80;", `listen 127.0.0.1:${port};`)
    .replace("bind :80", `bind 127.0.0.1:${port}`)
    .replace(/^example\.org \{$/m, `http://127.0.0.1:${port} {`);
}

/** The file around the configuration of a page. */
const FRAMES = {
  nginx: (text: string) => `
    ${process.getuid?.() === 0 ? "user root;" : ""}
    daemon off; pid pid; error_log stderr notice; worker_processes 1;
    events { worker_connections 100; }
    http {
      access_log off;
      client_body_temp_path a; proxy_temp_path b; fastcgi_temp_path c; uwsgi_temp_path d; scgi_temp_path e;
      ${text}
    }`,
  haproxy: (text: string) => text,
  caddy: (text: string) => `{\n\tadmin off\n}\n${text}`,
};

const proxies = {
  nginx: await findProxy("nginx"),
  haproxy: await findProxy("haproxy"),
  caddy: await findProxy("caddy"),
};

type Name = keyof typeof proxies;

/** The doctor's findings for two servers behind a page's configuration, optionally changed. */
async function examine(name: Name, change: (text: string) => string = (text) => text): Promise<Diagnosis> {
  const running = await Promise.all([serve(subject), serve(subject)]);
  ends.push(...running.map((each) => () => each.stop()));
  const ports = running.map(({ port }) => port);
  const server = await proxies[name]!.start((port) => FRAMES[name](change(configuration(name, ports, port))));
  ends.push(() => server.stop());
  return diagnose(server.url, { hold: 300, timeout: 3000 });
}

const complaints = ({ steps }: Diagnosis): Code[] =>
  steps
    .flatMap((step) => step.findings)
    .filter(({ level }) => level !== "ok")
    .map(({ code }) => code);

test.for(Object.keys(proxies) as Name[])("the doctor accepts the configuration for %s", async (name, { skip }) => {
  skip(proxies[name] === undefined);
  const diagnosis = await examine(name);
  expect([diagnosis.verdict, complaints(diagnosis)]).toEqual(["fine", []]);
});

// The pages' statements about their lines.
test.for<[Name, string, string | RegExp, string, Code[]]>([
  ["nginx", "hash", "hash $remote_addr consistent;", "", ["NOT_STICKY"]],
  ["nginx", "the Upgrade headers", /proxy_set_header (Upgrade|Connection) .*/g, "", ["WEBSOCKET_STRIPPED"]],
  ["haproxy", "balance source", /balance source|hash-type consistent/g, "", ["NOT_STICKY"]],
  ["caddy", "an address to go by, but a cookie", "lb_policy ip_hash", "lb_policy cookie", ["STICKY_BY_COOKIE"]],
])("the configuration for %s without %s", async ([name, , line, replacement, codes], { skip }) => {
  skip(proxies[name] === undefined);
  expect(complaints(await examine(name, (text) => text.replaceAll(line, replacement)))).toEqual(codes);
});
