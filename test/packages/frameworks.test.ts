import { afterAll, beforeAll, expect, test } from "vitest";
import { createProject, type Project } from "./packed-project.ts";

// Frameworks with Socket.IO inside, as whole programs: they meet Portage under that name.

let project: Project;

beforeAll(async () => {
  project = await createProject();
  await project.link("moleculer", "sails", "ws");
  for (const name of ["moleculer-web", "moleculer-io", "sails-hook-sockets"]) await project.copy(name);
});

afterAll(() => project.remove());

test("moleculer-io: actions, authorization, rooms, over both transports", async () => {
  const program = `
    const { ServiceBroker } = require("moleculer");
    const ApiService = require("moleculer-web");
    const SocketIOService = require("moleculer-io");
    const { io: connect } = require("socket.io-client");
    const seen = [];
    const broker = new ServiceBroker({ logger: false });
    broker.createService({ name: "math", actions: {
      add: (ctx) => Number(ctx.params.a) + Number(ctx.params.b),
      whoami: (ctx) => ctx.meta.user,
      fail: () => { throw new Error("no"); },
      join: (ctx) => { ctx.meta.$join = ctx.params.room; return true; },
    } });
    broker.createService({ name: "io", mixins: [ApiService, SocketIOService], settings: { port: 0, ip: "127.0.0.1",
      io: { namespaces: { "/": {
        authorization: true,
        middlewares: [ (socket, next) => next() ],
        packetMiddlewares: [ (packet, next) => { seen.push(packet[0]); next(); } ],
        events: { call: { whitelist: ["math.*"] } } } } } },
      methods: { socketAuthorize(socket) { const { token } = socket.handshake.auth; return token ? Promise.resolve({ name: token }) : Promise.reject(new Error("token?")); } } });
    (async () => {
      await broker.start();
      const service = broker.getLocalService("io");
      const url = "http://127.0.0.1:" + service.server.address().port;
      const ask = (client, ...args) => new Promise((resolve) => client.emit("call", ...args, (err, res) => resolve(err ? err.name + ": " + err.message : res)));
      const next = (client, event) => new Promise((resolve) => client.once(event, resolve));
      const out = [];
      for (const transports of [["polling"], ["websocket"]]) {
        const refused = connect(url, { transports, reconnection: false, forceNew: true });
        out.push((await next(refused, "connect_error")).message);
        const client = connect(url, { transports, auth: { token: "ada" }, forceNew: true });
        out.push(await ask(client, "math.add", { a: 1, b: 2 }), await ask(client, "math.whoami"), await ask(client, "math.fail"), await ask(client, "io.secret"));
        out.push(await ask(client, "math.join", { room: "harbour" }));
        const heard = next(client, "news");
        await broker.call("io.broadcast", { namespace: "/", event: "news", args: ["ahoy"], rooms: ["harbour"] });
        out.push(await heard);
        out.push(await broker.call("io.getClients", { namespace: "/", room: "harbour" }).then((ids) => ids.length, (e) => e.message));
        client.disconnect();
      }
      out.push(await (await fetch(url + "/math/add?a=2&b=3")).json());
      await broker.stop();
      console.log(JSON.stringify({ out, seen, io: require("socket.io/package.json").name }));
    })().catch((e) => { console.error(e); process.exit(1); });`;
  const each = [
    "token?",
    3,
    { name: "ada" },
    "Error: no",
    "ServiceNotFoundError: Service 'io.secret' is not found.",
    true,
    "ahoy",
    1,
  ];
  expect(await project.run("cjs", program)).toEqual({
    out: [...each, ...each, 5],
    seen: Array.from({ length: 10 }, () => "call"),
    io: "@portage/server",
  });
});

test("sails-hook-sockets: requests over sockets, rooms and broadcasts", async () => {
  const program = `
    const { mkdtempSync } = require("node:fs"); const { tmpdir } = require("node:os"); const { join } = require("node:path");
    const { io: connect } = require("socket.io-client");
    const Sails = require("sails").constructor;
    const app = new Sails();
    const appPath = mkdtempSync(join(tmpdir(), "sails-"));
    const next = (client, event) => new Promise((resolve) => client.once(event, resolve));
    const free = require("node:net").createServer();
    free.listen(0, "127.0.0.1", () => { const { port } = free.address(); free.close(() => start(port)); });
    const start = (port) => app.lift({
      appPath, port, explicitHost: "127.0.0.1", environment: "development", log: { level: "silent" }, globals: false,
      hooks: { grunt: false, orm: false, views: false, pubsub: false, i18n: false, session: false, blueprints: false, sockets: require("sails-hook-sockets") },
      sockets: { transports: ["polling", "websocket"], grant3rdPartyCookie: false },
      routes: {
        "GET /hello": (req, res) => res.json({ hello: req.query.name, socket: req.isSocket }),
        "POST /join": (req, res) => { app.sockets.join(req, "harbour", () => res.ok({ in: true })); },
        "POST /say": (req, res) => { app.sockets.broadcast("harbour", "said", { text: req.body.text }, req); res.ok(); },
      },
    }, async (err) => {
      if (err) { console.error("LIFT", err); process.exit(1); }
      const url = "http://127.0.0.1:" + app.hooks.http.server.address().port;
      const out = [];
      const ask = (client, method, path, data) => new Promise((resolve) => client.emit(method, { method, url: path, data, headers: {} }, (res) => resolve([res.statusCode, res.body])));
      for (const transports of [["polling"], ["websocket"]]) {
        const options = { transports, forceNew: true, query: { __sails_io_sdk_version: "1.2.1", __sails_io_sdk_platform: "node", __sails_io_sdk_language: "javascript" } };
        const [ada, bo] = [connect(url, options), connect(url, options)];
        await Promise.all([next(ada, "connect"), next(bo, "connect")]);
        out.push(await ask(ada, "get", "/hello?name=ada"), await ask(ada, "get", "/nowhere").then(([s]) => s));
        out.push(await ask(ada, "post", "/join"), await ask(bo, "post", "/join"));
        const heard = next(bo, "said");
        out.push(await ask(ada, "post", "/say", { text: "ahoy" }), await heard);
        ada.disconnect(); bo.disconnect();
      }
      console.log(JSON.stringify({ out, io: require("socket.io/package.json").name }));
      app.lower((e) => process.exit(e ? 1 : 0));
    });`;
  const each = [
    [200, { hello: "ada", socket: true }],
    404,
    [200, { in: true }],
    [200, { in: true }],
    [200, "OK"],
    { text: "ahoy" },
  ];
  expect(await project.run("cjs", program)).toEqual({ out: [...each, ...each], io: "@portage/server" });
});
