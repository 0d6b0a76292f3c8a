// A node of a cluster in its own process, for tests that kill and stop it. It runs the build.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { Server } = require("@portage/server");
const options = JSON.parse(process.argv[2]);
const redis = process.argv[3];

const cluster = redis ? onRedis() : require("@portage/cluster").localCluster(options);

function onRedis() {
  const { Redis } = require("ioredis");
  return require("@portage/cluster/redis").redisCluster(new Redis(redis, { lazyConnect: true }), options);
}

const io = new Server(0, { cluster });
for (const name of ["node", "lost"]) {
  cluster.on(name, ({ node, reason }) => process.send({ name, tag: node.tag, state: node.state, reason }));
}
process.on("message", async (ask) => {
  if (ask === "close") {
    await io.close();
    process.send({ name: "closed" });
  }
  if (ask === "nodes") process.send({ name: "nodes", nodes: cluster.nodes() });
});
process.on("disconnect", () => process.exit());
io.httpServer.on("listening", () => {
  const timer = setInterval(() => {
    if (cluster.tag === "") return;
    clearInterval(timer);
    process.send({ name: "joined", tag: cluster.tag, port: io.httpServer.address().port });
  }, 1);
});
