import { createServer } from "node:http";
import express from "express";
import Fastify, { type FastifyInstance } from "fastify";
import Koa from "koa";
import { Server } from "@portage/server";
import { portage, type PortageOptions } from "@portage/server/fastify";
import { expect, test } from "vitest";
import { ask, atEnd, boardOf, isLetIn, logIn, openPage } from "./support/board.ts";

const TRANSPORTS = ["polling", "websocket"] as const;

async function fastify(options: PortageOptions, prepare?: (app: FastifyInstance) => void): Promise<number> {
  const app = Fastify();
  prepare?.(app);
  await app.register(portage, options);
  await app.listen({ port: 0, host: "127.0.0.1" });
  atEnd(() => app.close());
  return (app.server.address() as { port: number }).port;
}

async function listen(http: ReturnType<typeof createServer>): Promise<number> {
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  atEnd(() => http.close());
  return (http.address() as { port: number }).port;
}

test("Fastify: the page has the path of the option, and opens over both transports", async () => {
  const port = await fastify({ dashboard: true });
  expect((await ask(port, "/dashboard")).status).toBe(308);
  for (const transport of TRANSPORTS) {
    const page = await openPage(port, { transports: [transport] });
    expect(await page.emitWithAck("hello", { build: "" })).toMatchObject({ role: "view" });
  }
  expect((await ask(port, "/dashboards")).status).toBe(404);
});

test("Fastify: the hooks of the application run first", async () => {
  const port = await fastify({ dashboard: true }, (app) =>
    app.addHook("onRequest", async (request, reply) => {
      if (request.headers["x-team"] !== "us") await reply.code(418).send();
    }),
  );
  expect((await ask(port, "/dashboard")).status).toBe(418);
  for (const transport of TRANSPORTS) {
    expect(await isLetIn(port, { transports: [transport] })).toBe(false);
    expect(await isLetIn(port, { transports: [transport], headers: { "x-team": "us" } })).toBe(true);
  }
});

test("Fastify: a form logs in, though the application parses bodies of its own", async () => {
  const port = await fastify({ dashboard: { path: "/live", auth: { token: "secret" } } });
  const body = "password=secret";
  const headers = { "Content-Type": "application/x-www-form-urlencoded" };
  expect((await ask(port, "/live/login", { method: "POST", body, headers })).status).toBe(303);
});

test("Fastify: without the option nothing is there", async () => {
  const port = await fastify({});
  expect((await ask(port, "/dashboard/")).status).toBe(404);
});

test("Express: attached, the page comes before the routes of the application", async () => {
  const app = express();
  app.use((_req, res) => void res.writeHead(404).end());
  const http = createServer(app);
  const io = new Server(http);
  boardOf(io);
  const port = await listen(http);
  expect((await ask(port, "/dashboard/")).status).toBe(200);
  for (const transport of TRANSPORTS) await openPage(port, { transports: [transport] });
});

test("Express: mounted by handle(), behind a parser of bodies", async () => {
  const board = boardOf(new Server(), { auth: { token: "secret" } });
  const app = express();
  app.use(express.urlencoded());
  app.use("/dashboard", (req, res, next) => void (board.handle(req, res) || next()));
  const port = await listen(createServer(app));
  expect((await ask(port, "/dashboard/")).status).toBe(401);
  expect((await logIn(port, { password: "secret" })).status).toBe(303);
  expect((await logIn(port, { password: "no" })).status).toBe(401);
});

test("Koa: mounted by handle()", async () => {
  const board = boardOf(new Server());
  const app = new Koa();
  app.use(async (context, next) => {
    if (!board.handle(context.req, context.res)) return next();
    context.respond = false;
  });
  const port = await listen(createServer(app.callback()));
  expect((await ask(port, "/dashboard/")).status).toBe(200);
  expect((await ask(port, "/other")).status).toBe(404);
  await openPage(port, { transports: ["polling"] });
});
