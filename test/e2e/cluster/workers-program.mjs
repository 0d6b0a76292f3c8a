// Run by workers*.test.ts: a program on several workers, which writes what happens as lines of JSON.
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { runWorkers } from "@portage/cluster";
import { Server } from "@portage/server";

const { port = 0, brokenBy = "", hangs = false, options } = JSON.parse(process.env.WORKERS_PLAN);
const say = (event, details) => process.stdout.write(`${JSON.stringify({ event, ...details })}\n`);

const workers = runWorkers(() => {
  if (brokenBy !== "" && existsSync(brokenBy)) throw new Error("this version is broken");
  const http = createServer((req, res) => res.end(String(process.pid)));
  const io = new Server(http);
  io.on("connection", (socket) => {
    socket.on("pid", (done) => done(process.pid));
    socket.on("echo", (...args) => args.pop()(...args));
  });
  http.listen(port, "127.0.0.1", () => say("listening", { pid: process.pid, port: http.address().port }));
  if (hangs) return { close: () => new Promise(() => {}) };
  return io;
}, options);

if (workers.isPrimary) {
  process.stdin
    .on("end", () => process.exit())
    .resume()
    .unref();
  say("started");
  workers.on("worker", (worker) => say("worker", worker));
  workers.on("restart", ({ worker, code, signal, delay }) => say("restart", { pid: worker.pid, code, signal, delay }));
  workers.on("failed", ({ code }) => say("failed", { code }));
}
