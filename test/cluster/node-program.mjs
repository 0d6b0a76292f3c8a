// A node of a cluster in a process of its own, or one of node:cluster: an echo with sequence numbers both ways, and broadcasts
// with a sequence number for each node. It runs the build. programs.ts starts it, and asks by messages.
import { subscribe } from "node:diagnostics_channel";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { describeSession } from "./describe-session.mjs";

const require = createRequire(import.meta.url);
const { library, port, cluster, options, redis, backlog = 4096 } = JSON.parse(process.env.NODE_PLAN);
const { Server } = require(library);
// Only where it is wanted: a server of another library runs without it.
const node = cluster && (redis ? onRedis() : require("@portage/cluster").localCluster(cluster));

function onRedis() {
  const { Redis } = require("ioredis");
  return require("@portage/cluster/redis").redisCluster(new Redis(redis, { lazyConnect: true }), cluster);
}

let health = 200;
const http = createServer((_req, res) => res.writeHead(health).end());
const io = new Server(http, { allowEIO3: true, ...options, ...(node && { cluster: node }) });

/** The connections to other nodes: all that are not TCP, and those between the addresses of links. */
const links = new Set();
const noteLink = (socket) => {
  const addresses = [socket.remoteAddress, socket.localAddress];
  if (!socket.remoteAddress || addresses.some((address) => address?.startsWith("127.0.1."))) links.add(socket);
};
for (const side of ["client", "server"]) {
  subscribe(`net.${side}.socket`, ({ socket }) => {
    if (side === "client") socket.once("connect", () => noteLink(socket));
    else noteLink(socket);
  });
}

const faults = [];
const events = [];
const totals = { ups: 0, downs: 0, sessions: 0 };
const now = () => performance.timeOrigin + performance.now();
const fault = (sentence) => faults.length < 50 && faults.push(sentence);

for (const name of ["node", "lost"]) {
  node?.on(name, ({ node: { tag, state }, reason }) => events.push({ name, tag, state, reason, at: now() }));
}

/** When the refused polls of each name were answered. */
const refusedPolls = {};
io.engine.on("connection_error", ({ name, req }) => {
  if (req.method === "GET" && name) (refusedPolls[name] ??= []).push(now());
});

function serve(socket) {
  let next = 0;
  let downs = 0;
  let delayed = 0;
  let farewell;
  totals.sessions += 1;
  const down = (n, body) => {
    totals.downs += 1;
    socket.emit("down", downs, n, body);
    downs += 1;
  };
  socket.on("up", (n, body) => {
    totals.ups += 1;
    if (n !== next) fault(`${socket.id}: up ${n} instead of ${next}`);
    next = n + 1;
    down(n, body);
    if (n % 4 !== 0) return;
    // Without a request of the client: it goes out with a poll that has been held.
    delayed += 1;
    setTimeout(
      () => {
        down(-1);
        delayed -= 1;
        if (delayed === 0) farewell?.();
      },
      (n * 37) % 50,
    );
  });
  socket.on("bye", (answer) => {
    farewell = () => answer({ ups: next, downs });
    if (delayed === 0) farewell();
  });
  socket.on("bye now", () => socket.disconnect(true));
}

io.on("connection", serve);

let news = 0;
const tag = () => node?.tag || String(process.pid);

const questions = {
  who: () => ({ tag: tag(), pid: process.pid }),
  nodes: () => node?.nodes() ?? [],
  report: () => ({
    tag: tag(),
    faults,
    events,
    refusedPolls,
    totals,
    open: Object.values(io.engine.clients).map(describeSession),
    sockets: io.of("/").sockets.size,
    stats: io.stats?.() ?? {},
    handles: process.getActiveResourcesInfo().length,
  }),
  /** Sends this number of broadcasts, one each `pace` milliseconds, and returns how many there have been. */
  async broadcast({ count, pace }) {
    for (let left = count; left > 0; left -= 1) {
      io.emit("news", tag(), news);
      news += 1;
      await new Promise((resolve) => setTimeout(resolve, pace));
    }
    return { tag: tag(), news };
  },
  cpu() {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
  memory() {
    globalThis.gc();
    globalThis.gc();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  },
  /** Breaks the connections to the other nodes; returns how many there were. */
  cut() {
    const open = [...links].filter(({ destroyed }) => !destroyed);
    for (const link of open) link.destroy();
    links.clear();
    return open.length;
  },
  /** Balancers send it nothing new from now on. */
  leaveBalancer: () => void (health = 404),
  async close() {
    await io.close();
    return { open: io.engine.clientsCount };
  },
};

process.on("message", async ({ id, question, value }) => {
  // A primary that passes sockets sends messages of its own.
  if (question === undefined) return;
  try {
    process.send({ id, answer: (await questions[question](value)) ?? null });
  } catch (error) {
    process.send({ id, error: String(error?.stack ?? error) });
  }
});
process.on("disconnect", () => process.exit());

// Workers of node:cluster share the port, and no address makes it shared.
http.listen({ port, host: "127.0.0.1", backlog }, () => process.send({ id: 0, answer: http.address().port }));
