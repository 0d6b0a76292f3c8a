import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createProject, type Project, ROOT } from "./packed-project.ts";

// Packages that require `socket.io` themselves, or patch its files: they meet Portage under that name.

let project: Project;

beforeAll(async () => {
  project = await createProject();
  const tracing = ["api", "instrumentation-socket.io", "sdk-trace-base"];
  await project.link(...tracing.map((name) => `@opentelemetry/${name}`), "@feathersjs/feathers");
  await project.copy("@feathersjs/socketio");
  const nest = join(ROOT, "examples/nest/node_modules");
  await project.copy("@nestjs/platform-socket.io", nest);
  await project.linkFrom(nest, "@nestjs/common", "@nestjs/core", "@nestjs/websockets", "reflect-metadata", "rxjs");
  await project.linkFrom(nest, "@nestjs/platform-express");
});

afterAll(() => project.remove());

test("OpenTelemetry's instrumentation traces received and sent events", async () => {
  const program = `
    const { SocketIoInstrumentation } = require("@opentelemetry/instrumentation-socket.io");
    const sdk = require("@opentelemetry/sdk-trace-base");
    const exporter = new sdk.InMemorySpanExporter();
    const tracerProvider = new sdk.BasicTracerProvider({ spanProcessors: [new sdk.SimpleSpanProcessor(exporter)] });
    const instrumentation = new SocketIoInstrumentation({ traceReserved: true });
    instrumentation.setTracerProvider(tracerProvider);
    instrumentation.enable();

    const http = require("http").createServer();
    const { Server } = require("socket.io");
    const { io: connect } = require("socket.io-client");
    const io = new Server(http);
    io.on("connection", (socket) => {
      socket.join("room");
      socket.on("ask", (answer) => {
        socket.emit("answer");
        io.to("room").emit("news");
        io.emit("all");
        socket.broadcast.emit("others");
        answer();
      });
    });
    http.listen(0, () => {
      const client = connect("http://localhost:" + http.address().port);
      client.emit("ask", async () => {
        const { id } = client;
        client.disconnect();
        await io.close();
        console.log(JSON.stringify(exporter.getFinishedSpans().map(({ name, kind, attributes }) => [
          name, kind, attributes["messaging.socket.io.event_name"],
          attributes["messaging.socket.io.rooms"]?.map((room) => (room === id ? "its id" : room)),
        ])));
      });
    });`;
  const [sent, received] = [3, 4];
  expect(await project.run("cjs", program)).toEqual([
    ["receive /", received, "connection", null],
    ["send /", sent, "answer", ["its id", "room"]],
    ["send /", sent, "news", ["room"]],
    ["send /", sent, "all", null],
    ["send /", sent, "others", null],
    ["receive /", received, "ask", null],
  ]);
});

test("a Feathers application serves methods and sends events", async () => {
  const program = `
    const { feathers } = require("@feathersjs/feathers");
    const socketio = require("@feathersjs/socketio");
    const { Server } = require("socket.io");
    const { io: connect } = require("socket.io-client");
    const app = feathers();
    app.configure(socketio((io) => { io.use((socket, next) => { socket.feathers.agent = "test"; next(); }); }));
    app.use("messages", {
      async find(params) { return [params.agent, params.query.room]; },
      async create(data) { return { id: 1, ...data }; },
    });
    app.on("connection", (connection) => app.channel("all").join(connection));
    app.publish(() => app.channel("all"));
    app.listen(0).then((http) => http.once("listening", () => {
      const client = connect("http://localhost:" + http.address().port);
      client.emit("find", "messages", { room: "red" }, async (error, found) => {
        const heard = new Promise((resolve) => client.once("messages created", resolve));
        const created = await new Promise((resolve) => client.emit("create", "messages", { text: "hi" }, (_e, value) => resolve(value)));
        const failed = await new Promise((resolve) => client.emit("find", "nothing", {}, (problem) => resolve(problem.code)));
        console.log(JSON.stringify({ found, created, event: await heard, failed, isOurs: app.io instanceof Server }));
        client.disconnect();
        app.io.close();
      });
    }));`;
  expect(await project.run("cjs", program)).toEqual({
    found: ["test", "red"],
    created: { id: 1, text: "hi" },
    event: { id: 1, text: "hi" },
    failed: 404,
    isOurs: true,
  });
});

test("NestJS's adapter serves a gateway", async () => {
  // Decorators called as functions, for plain JavaScript.
  const program = `
    import "reflect-metadata";
    import { Module } from "@nestjs/common";
    import { NestFactory } from "@nestjs/core";
    import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway, WebSocketServer, WsException } from "@nestjs/websockets";
    import { IoAdapter } from "@nestjs/platform-socket.io";
    import { Server } from "socket.io";
    import { io as connect } from "socket.io-client";

    class Gateway {
      seen = [];
      handleConnection(socket) { this.seen.push("connected"); }
      handleDisconnect(socket) { this.seen.push("disconnected"); }
      ask(question, socket) { return { event: "answer", data: [question, socket.nsp.name] }; }
      sum(numbers) { return numbers.reduce((a, b) => a + b, 0); }
      fail() { throw new WsException("no"); }
    }
    const property = (name) => Object.getOwnPropertyDescriptor(Gateway.prototype, name);
    for (const name of ["ask", "sum", "fail"]) {
      Reflect.defineMetadata("design:paramtypes", [Object, Object], Gateway.prototype, name);
      MessageBody()(Gateway.prototype, name, 0);
      SubscribeMessage(name)(Gateway.prototype, name, property(name));
    }
    ConnectedSocket()(Gateway.prototype, "ask", 1);
    WebSocketServer()(Gateway.prototype, "server");
    WebSocketGateway({ namespace: "chat" })(Gateway);
    class App {}
    Module({ providers: [Gateway] })(App);

    const app = await NestFactory.create(App, { logger: false });
    // Passed explicitly: Nest would resolve the adapter from its own package, and find the reference.
    app.useWebSocketAdapter(new IoAdapter(app));
    await app.listen(0);
    const gateway = app.get(Gateway);
    const client = connect((await app.getUrl()).replace("[::1]", "localhost") + "/chat");
    const answer = new Promise((resolve) => client.once("answer", resolve));
    client.emit("ask", "why");
    const exception = new Promise((resolve) => client.once("exception", resolve));
    client.emit("fail");
    const news = new Promise((resolve) => client.once("news", resolve));
    const result = { answer: await answer, sum: await client.emitWithAck("sum", [1, 2, 3]), exception: (await exception).message };
    gateway.server.emit("news", 1);
    result.news = await news;
    result.isOurs = gateway.server.server instanceof Server;
    const gone = new Promise((resolve) => gateway.server.sockets.get(client.id).once("disconnect", () => setImmediate(resolve)));
    client.disconnect();
    await gone;
    await app.close();
    console.log(JSON.stringify({ ...result, seen: gateway.seen }));`;
  expect(await project.run("mjs", program)).toEqual({
    answer: ["why", "/chat"],
    sum: 6,
    exception: "no",
    news: 1,
    isOurs: true,
    seen: ["connected", "disconnected"],
  });
});
