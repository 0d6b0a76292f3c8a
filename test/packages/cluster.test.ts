import { afterAll, beforeAll, expect, test } from "vitest";
import { createProject, type Project } from "./packed-project.ts";

// The packed packages: a program on two processes, whose clients poll one after the other.

let project: Project;

beforeAll(async () => {
  project = await createProject();
});

afterAll(() => project.remove());

const program = (server: string): string => `
  import cluster from "node:cluster";
  import { createRequire } from "node:module";
  import { localCluster, runWorkers } from "@portage/cluster";
  const require = createRequire(import.meta.url);
  const { Server } = require("${server}");

  const workers = runWorkers(() => {
    const io = new Server(0, { cluster: localCluster() });
    io.on("connection", (socket) => {
      socket.on("where", (answer) => answer(io.cluster.tag));
      socket.on("all", async (answer) => answer((await io.fetchSockets()).length));
      socket.on("say", (text) => socket.broadcast.emit("said", text));
    });
    return io;
  }, { workers: 2, drain: 200 });

  async function use(port) {
    const { io: connect } = require("socket.io-client");
    const clients = ["polling", "polling", "websocket", "websocket"].map((transport) =>
      connect("http://localhost:" + port, { transports: [transport], forceNew: true }));
    const tags = new Set(await Promise.all(clients.map((client) => client.emitWithAck("where"))));
    const heard = Promise.all(clients.slice(1).map((client) => new Promise((resolve) => client.once("said", resolve))));
    clients[0].emit("say", "ahoy");
    const result = { tags: tags.size, all: await clients[3].emitWithAck("all"), heard: await heard };
    for (const client of clients) client.disconnect();
    await workers.stop();
    console.log(JSON.stringify(result));
    process.exit();
  }

  if (workers.isPrimary) {
    cluster.once("listening", (_worker, { port }) => {
      workers.on("worker", function onWorker() {
        if (!workers.workers().every(({ state }) => state === "up")) return;
        workers.off("worker", onWorker);
        void use(port);
      });
    });
  }`;

test.each(["@portage/server", "socket.io"])("two processes are one server, by the name %s", async (server) => {
  expect(await project.run("mjs", program(server))).toEqual({
    tags: 2,
    all: 4,
    heard: ["ahoy", "ahoy", "ahoy"],
  });
});
