import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { portage } from "@portage/server/fastify";
import type Fastify from "fastify";
import type { FastifyInstance } from "fastify";
import { io as connectClient } from "socket.io-client";
import { describe, expect, test } from "vitest";

// The plugin beside the versions of Fastify that programs have.

const require = createRequire(import.meta.url);

/** Types of the newest version; the tests use only members of all versions. */
const create = (version: string): FastifyInstance => (require(version) as typeof Fastify)();

describe.each(["fastify-4", "fastify"])("%s", (version) => {
  test("serves both transports behind its hooks, and closes with clients connected", async () => {
    const app = create(version);
    app.addHook("onRequest", async (request, reply) => {
      reply.header("x-hook", "yes");
      if (request.headers["x-stranger"]) throw new Error("not you");
    });
    await app.register(portage, { path: "/live", metrics: true });
    app.io.on("connection", (socket) => socket.on("echo", (value, answer) => answer(value)));
    await app.listen({ port: 0, host: "127.0.0.1" });
    const origin = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
    const clients = ["polling", "websocket"].map((transport) =>
      connectClient(origin, { path: "/live", forceNew: true, reconnection: false, transports: [transport] }),
    );
    try {
      for (const client of clients) expect(await client.emitWithAck("echo", "hi")).toBe("hi");
      const poll = `${origin}/live/?EIO=4&transport=polling`;
      expect((await fetch(poll)).headers.get("x-hook")).toBe("yes");
      expect((await fetch(poll, { headers: { "x-stranger": "1" } })).status).toBe(500);
      expect((await fetch(`${origin}/live/socket.io.js`)).status).toBe(200);
      expect(await (await fetch(`${origin}/metrics`)).text()).toContain("portage_sessions_opened_total 3\n");
    } finally {
      await app.close();
      for (const client of clients) client.disconnect();
    }
  });
});

test("a version that is not supported is refused at the registration, with the versions that are", async () => {
  const app = create("fastify-3");
  await expect(Promise.resolve(app.register(portage))).rejects.toMatchObject({
    code: "FST_PORTAGE_FASTIFY_VERSION",
    message: "@portage/server/fastify supports Fastify 4.16 and later 4.x, and 5.x; this is 3.29.5",
  });
});
