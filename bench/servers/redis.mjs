// One of several nodes that share a Redis, with the handlers for redis.mjs.
import { createServer } from "node:http";
import { createClient } from "redis";
import { serve } from "./serve.mjs";

const { kind, url } = JSON.parse(process.argv[3]);

const connect = () => createClient({ url }).connect();

const KINDS = {
  async portage() {
    const { redisCluster } = await import("@portage/cluster/redis");
    return { cluster: redisCluster(await connect()), connectionStateRecovery: {} };
  },
  async links() {
    const { redisCluster } = await import("@portage/cluster/redis");
    return { cluster: redisCluster(await connect()) };
  },
  async streams() {
    const { createAdapter } = await import("@socket.io/redis-streams-adapter");
    return { adapter: createAdapter(await connect()), connectionStateRecovery: {} };
  },
  async classic() {
    const { createAdapter } = await import("@socket.io/redis-adapter");
    return { adapter: createAdapter(await connect(), await connect()) };
  },
};

const options = await KINDS[kind]();
const { Server } = await import(options.cluster ? "@portage/server" : "socket.io");
const httpServer = createServer();
const io = new Server(httpServer, {
  serveClient: false,
  connectTimeout: 600_000,
  pingInterval: 600_000,
  pingTimeout: 600_000,
  ...options,
});

let rooms = 0;
let connections = 0;
io.on("connection", (socket) => {
  if (rooms > 0) socket.join(`room ${connections++ % rooms}`);
});

serve(httpServer, {
  /** How many nodes it knows. */
  nodes: () => io.cluster?.nodes().length ?? io.of("/").adapter.serverCount(),
  /** The next sockets join this number of rooms in turn. */
  spread: (count) => void (rooms = count),
  /** Emits `each` events every `gap` milliseconds, `count` in all. */
  emit: ({ count, each, gap, room }) =>
    new Promise((resolve) => {
      let left = count;
      const timer = setInterval(() => {
        for (let index = 0; index < each && left > 0; index += 1, left -= 1) io.to(room).emit("news", "hello", left);
        if (left > 0) return;
        clearInterval(timer);
        resolve();
      }, gap);
    }),
});
