// Run by adapters-cluster.test.ts: a primary that hands connections to workers, each with a server.
import cluster from "node:cluster";
import { createServer } from "node:http";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { Server } = require(process.argv[2]);
const { setupMaster, setupWorker } = require("@socket.io/sticky");
const { createAdapter, setupPrimary } = require("@socket.io/cluster-adapter");

/**
 * The sticky primary reads on while it passes a socket. A busy primary so takes the first frame of a WebSocket away from the
 * worker, and the client waits for its CONNECT forever. Requests with a body are not passed: the primary has to read them.
 */
function stopReadingBeforePassing(socket) {
  socket.prependListener("data", (chunk) => {
    if (!/^(?:content-length|transfer-encoding):/im.test(chunk.toString("latin1")))
      Reflect.get(socket, "_handle")?.readStop();
  });
}

if (cluster.isPrimary) {
  const http = createServer();
  setupMaster(http, { loadBalancingMethod: "round-robin" });
  http.on("connection", stopReadingBeforePassing);
  setupPrimary();
  cluster.setupPrimary({ serialization: "advanced" });
  const workers = [cluster.fork(), cluster.fork()];
  let ready = 0;
  for (const worker of workers) {
    worker.on("message", (message) => {
      if (message !== "ready" || ++ready < workers.length) return;
      http.listen(0, "127.0.0.1", () => process.stdout.write(`listening on ${http.address().port}\n`));
    });
  }
  process.stdin.on("end", () => process.exit()).resume();
  process.on("SIGINT", () => {
    for (const worker of workers) worker.kill("SIGKILL");
    process.exit(0);
  });
} else {
  process.on("SIGINT", () => {});
  const clusterSecret = process.env["CLUSTER_SECRET"];
  const io = new Server(createServer(), { clusterSecret, adapter: createAdapter({ heartbeatInterval: 100 }) });
  // Refusals appear in the output of the test.
  io.on("handler_error", (error) => process.exit(console.error(error) ?? 1));
  setupWorker(io);
  io.on("who", (done) => done(process.pid));
  io.on("connection", (socket) => {
    socket.join("everybody");
    socket.on("pid", (done) => done(process.pid));
    socket.on("broadcast", (...args) => io.to("everybody").emit("news", ...args));
    socket.on("count", async (done) => done((await io.fetchSockets()).length));
    socket.on("others", async (done) => done(await io.serverSideEmitWithAck("who")));
    socket.on("ask", async (done) => done(await io.timeout(2000).emitWithAck("answer")));
    socket.on("expel", () => io.disconnectSockets(true));
  });
  const knowing = setInterval(async () => {
    if ((await io.of("/").adapter.serverCount()) < 2) return;
    clearInterval(knowing);
    process.send("ready");
  }, 5);
}
