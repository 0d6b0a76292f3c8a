// A program with node:cluster, as users write it: three workers with the option cluster. It runs the build.
import cluster from "node:cluster";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const WORKERS = 3;

if (cluster.isPrimary) {
  const ready = new Map();
  process.on("message", ({ kill }) => cluster.workers[kill].process.kill("SIGKILL"));
  process.on("disconnect", () => process.exit());
  process.on("exit", () => Object.values(cluster.workers).forEach((worker) => worker.process.kill("SIGKILL")));
  cluster.on("message", (worker, { port, tag, stats }) => {
    if (stats !== undefined) process.send({ stats });
    if (port === undefined) return;
    ready.set(tag, worker.id);
    if (ready.size === WORKERS) process.send({ port, workers: Object.fromEntries(ready) });
  });
  for (let i = 0; i < WORKERS; i++) cluster.fork();
} else {
  const { Server } = require("@portage/server");
  const { localCluster } = require("@portage/cluster");
  const io = new Server(0, { cluster: localCluster() });
  io.on("connection", (socket) => {
    socket.on("echo", (value, done) => done(value));
    socket.on("all", (value) => io.emit("all", value));
    socket.on("count", async (done) => done((await io.fetchSockets()).length));
    socket.on("metrics", (done) => done(io.metrics()));
  });
  const report = () => {
    if (io.cluster.nodes().length < WORKERS) return;
    io.cluster.off("node", report);
    process.send({ port: io.httpServer.address().port, tag: io.cluster.tag });
  };
  io.cluster.on("node", report);
}
