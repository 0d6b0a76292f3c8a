// Run by workers-*.test.ts: workers that share sessions, under a primary of ours, a primary that we prepare, or a foreign one.
import cluster from "node:cluster";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { localCluster, runWorkers, setupPrimary } from "@portage/cluster";
import { Server } from "@portage/server";

const {
  primary = "runWorkers",
  tls,
  options,
  upgrades,
  recovery,
  answerAfter = 0,
  newsEvery = 0,
} = JSON.parse(process.env.WORKERS_PLAN);
const say = (event, details) => process.stdout.write(`${JSON.stringify({ event, ...details })}\n`);

function serve() {
  const http = tls ? createSecureServer(tls) : createServer();
  const cluster = localCluster({ upgrades });
  const io = new Server(http, { cluster, pingInterval: 5000, connectionStateRecovery: recovery });
  io.engine.on("connection_error", ({ name, context }) => say("refused", { name, message: context.message }));
  io.on("connection", (socket) => {
    socket.on("pid", (done) => done(process.pid));
    socket.on("echo", (number, done) => {
      say("heard", { client: socket.handshake.query.client, number });
      if (answerAfter === 0) done(number);
      else setTimeout(() => done(number), answerAfter);
    });
    socket.on("tell", (number) => say("told", { client: socket.handshake.query.client, number }));
    socket.on("connections", (done) => http.getConnections((_error, count) => done(count)));
    socket.on("number", (number) => socket.emit("number", number));
  });
  if (newsEvery > 0) {
    let news = 0;
    setInterval(() => io.emit("news", process.pid, news++), newsEvery).unref();
  }
  http.listen(0, "127.0.0.1", () => say("listening", { pid: process.pid, port: http.address().port }));
  if (primary !== "runWorkers") sayWhenJoined(io);
  return io;
}

/** Does what runWorkers() does by itself. */
function sayWhenJoined(io) {
  const joined = setInterval(() => {
    if (io.cluster.nodes().length < options.workers) return;
    clearInterval(joined);
    say("worker", { state: "up", pid: process.pid });
  }, 5);
}

if (cluster.isPrimary)
  process.stdin
    .on("end", () => process.exit())
    .resume()
    .unref();
if (primary === "runWorkers") {
  const workers = runWorkers(serve, options);
  if (workers.isPrimary) workers.on("worker", (worker) => say("worker", worker));
} else if (cluster.isPrimary) {
  if (primary === "setupPrimary") setupPrimary();
  for (let index = 0; index < options.workers; index += 1) cluster.fork();
} else {
  serve();
}
