// One node: run it once on each host. Any node answers any request of any client.
import { createServer } from "node:http";
import { redisCluster } from "@portage/cluster/redis";
import { Server } from "@portage/server";
import { Redis } from "ioredis";

/** Address to listen on. Nodes in containers listen on all. */
const HOST = process.env.HOST ?? "localhost";
const LIMITS = { text: 500, room: 50 };

const isText = (value, limit) => typeof value === "string" && value.length > 0 && value.length <= limit;

/** Calls `answer`, if the client has asked for an acknowledgement. */
const reply = (answer, value) => typeof answer === "function" && answer(value);

const redis = new Redis(process.env.REDIS_URL ?? "redis://localhost:6379");
redis.on("error", (error) => console.error("Redis:", error.message));

// For the balancer: a node takes new clients once it has joined the others, and until it leaves.
const http = createServer((req, res) => {
  if (req.url === "/ready") res.writeHead(io.isReady ? 200 : 503).end(io.isReady ? "ready\n" : "not ready\n");
  else res.writeHead(404).end();
});

const io = new Server(http, { cluster: redisCluster(redis, { name: "many-hosts" }) });

io.cluster.on("degraded", (error) => console.warn("Redis is away:", error.message));
io.cluster.on("restored", () => console.log("Redis is back."));

io.on("connection", (socket) => {
  // The node that has the session, and the number of nodes.
  socket.on("where", (answer) => reply(answer, { node: io.cluster.tag, nodes: io.cluster.nodes().length }));

  socket.on("join", async (room, answer) => {
    if (!isText(room, LIMITS.room)) {
      reply(answer, { error: "The name of the room is invalid." });
      return;
    }
    await socket.join(room);
    // The sockets of all nodes.
    const members = await io.in(room).fetchSockets();
    reply(answer, { members: members.length });
  });

  // Reaches the clients of all nodes.
  socket.on("say", (room, text) => {
    if (socket.rooms.has(room) && isText(text, LIMITS.text)) socket.to(room).emit("said", text, io.cluster.tag);
  });
});

let state = "running";

async function leave() {
  if (state === "leaving") process.exit(1);
  state = "leaving";
  await io.drain({ deadline: Number(process.env.DRAIN ?? 10_000) });
  await io.close();
  redis.disconnect();
  // start.mjs waits for it.
  process.disconnect?.();
}

for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => void leave());

http.listen(Number(process.env.PORT ?? 3000), HOST, () => {
  console.log(`node ${process.pid}: http://localhost:${http.address().port}`);
});
