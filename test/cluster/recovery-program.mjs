// A node with recovery in its own process, which emits numbered events all the time. It runs the build.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { Redis } = require("ioredis");
const { Server } = require("@portage/server");
const { redisCluster } = require("@portage/cluster/redis");
const { url, name, emitter, pause, port = 0, links } = JSON.parse(process.argv[2]);

const cluster = redisCluster(new Redis(url, { lazyConnect: true }), { name, ...(links && { links }) });
const transports = ["polling", "websocket", "sse"];
const io = new Server(port, {
  transports,
  cluster,
  connectionStateRecovery: {},
  pingInterval: 1000,
  pingTimeout: 1000,
});
const errors = [];
io.on("handler_error", (error) => errors.push(`${error.code} ${error.message}`));

io.on("connection", async (socket) => {
  // A plain page has a token alone.
  const { token, room = token } = socket.handshake.auth;
  process.send({ name: "socket", recovered: socket.recovered, code: socket.recoveryError?.code });
  if (!socket.recovered) await socket.join(["all", room]);
  socket.on("echo", (client, count, answer) => {
    process.send({ name: "heard", client, count });
    setTimeout(() => answer(count), 5);
  });
  socket.emit("ready", socket.recovered);
});

let number = 0;
function emitSome() {
  number += 1;
  if (number % 3 === 0) io.emit("event", emitter, number, "everybody");
  else if (number % 3 === 1) io.to("all").emit("event", emitter, number, "everybody");
  else io.to(number % 2 === 0 ? "even" : "odd").emit("event", emitter, number, number % 2 === 0 ? "even" : "odd");
}

let timer;
process.on("message", async (ask) => {
  if (ask === "stop") clearInterval(timer);
  if (ask === "drain") await io.drain({ deadline: 12_000 });
  if (ask === "close" || ask === "drain") await io.close();
  process.send({ name: ask, number, errors, recovery: io.stats().recovery });
});
process.on("disconnect", () => process.exit());
io.httpServer.on("listening", () => {
  const joined = setInterval(() => {
    if (cluster.tag === "") return;
    clearInterval(joined);
    timer = setInterval(emitSome, pause);
    process.send({ name: "joined", port: io.httpServer.address().port });
  }, 1);
});
