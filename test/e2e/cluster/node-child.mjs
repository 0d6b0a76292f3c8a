// A node of a cluster in its own process, for tests that kill and stop it. It runs the build.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { Server } = require("@portage/server");
const { localCluster } = require("@portage/cluster");
const options = JSON.parse(process.argv[2]);

const cluster = localCluster(options);
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
    process.send({ name: "joined", tag: cluster.tag });
  }, 1);
});
