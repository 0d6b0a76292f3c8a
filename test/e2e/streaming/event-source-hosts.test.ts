/*
 * Pages that read through Fastify, and behind proxies with their defaults.
 */
import Fastify from "fastify";
import { portage } from "@portage/server/fastify";
import { describe, expect, test } from "vitest";
import { findProxy } from "../../support/servers/real-proxies.ts";
import { atEnd, readAt, station } from "./readers.ts";

const nginx = await findProxy("nginx");
const haproxy = await findProxy("haproxy");

const nginxFor = (port: number, upstream: number): string => `
  ${process.getuid?.() === 0 ? "user root;" : ""}
  daemon off; pid pid; error_log stderr notice; worker_processes 1;
  events { worker_connections 100; }
  http {
    access_log off;
    client_body_temp_path a; proxy_temp_path b; fastcgi_temp_path c; uwsgi_temp_path d; scgi_temp_path e;
    server { listen 127.0.0.1:${port}; location / { proxy_pass http://127.0.0.1:${upstream}; } }
  }`;

const haproxyFor = (port: number, upstream: number): string => `
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
  server a 127.0.0.1:${upstream}
`;

describe.each([
  ["nginx", nginx, nginxFor],
  ["haproxy", haproxy, haproxyFor],
])("behind %s", (_name, proxy, write) => {
  test.skipIf(!proxy)("events come one by one, and a page that leaves is noticed", async () => {
    const { io, port } = await station({ connectionStateRecovery: {} });
    const running = await proxy!.start((own) => write(own, port));
    atEnd(() => running.stop());
    const reader = readAt(Number(new URL(running.url).port), "/socket.io/?transport=sse");
    const { id } = await reader.event("connect");
    expect(id).toMatch(/^[\w-]{20}\.$/);
    for (let number = 0; number < 5; number += 1) {
      io.emit("n", number);
      expect(await reader.event("n")).toMatchObject({ data: String(number) });
    }
    reader.cut();
    while (io.engine.clientsCount > 0) {
      io.emit("n", "gone");
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
});

test("a route of the Fastify plugin: hooks run first, and app.close() ends its pages", async () => {
  const app = Fastify();
  app.addHook("onRequest", async (request, reply) => {
    void reply.header("x-hook", "ran");
    if (request.query && (request.query as { no?: string }).no) await reply.code(401).send();
  });
  await app.register(portage, {
    eventSources: { "/events/news": { namespace: "/news", rooms: ["all"] } },
    connectionStateRecovery: {},
  });
  await app.listen({ port: 0, host: "127.0.0.1" });
  const { port } = app.server.address() as { port: number };
  const reader = readAt(port, "/events/news");
  await reader.event("connect");
  app.io.of("/news").to("all").emit("n", 1);
  expect(await reader.event("n")).toMatchObject({ data: "1" });
  expect((await reader.head()).headers["x-hook"]).toBe("ran");
  const post = await fetch(`http://127.0.0.1:${port}/events/news`, { method: "POST", body: "x" });
  expect([post.status, post.headers.get("allow")]).toEqual([405, "GET"]);
  expect((await readAt(port, "/events/news?no=1").head()).status).toBe(401);
  const rest = reader.rest();
  await app.close();
  expect(await rest).toEqual([]);
  await expect(
    Fastify()
      .register(portage, { eventSources: { events: {} } })
      .ready(),
  ).rejects.toMatchObject({ code: "FST_PORTAGE_INVALID_PATH" });
});
