import { readFileSync } from "node:fs";
import { diagnose } from "@portage/server/doctor";
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

/** What the configuration of a page is a part of. */
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

test.for(["nginx", "haproxy", "caddy"] as const)(
  "the doctor accepts the configuration for %s",
  async (name, { skip }) => {
    const proxy = proxies[name];
    skip(proxy === undefined);
    const running = await Promise.all([serve(subject), serve(subject)]);
    ends.push(...running.map((each) => () => each.stop()));
    const ports = running.map(({ port }) => port);
    const server = await proxy!.start((port) => FRAMES[name](configuration(name, ports, port)));
    ends.push(() => server.stop());
    const { verdict, steps } = await diagnose(server.url, { hold: 300, timeout: 3000 });
    const findings = steps.flatMap((step) => step.findings).filter(({ level }) => level !== "ok");
    expect({ findings, verdict }).toEqual({ findings: [], verdict: "fine" });
  },
);
