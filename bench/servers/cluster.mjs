// A node of a cluster, or a process without one, with the handlers for the rows of cluster.mjs.
import { createServer } from "node:http";
import { Server } from "@portage/server";
import { serve } from "./serve.mjs";

const { directory } = JSON.parse(process.argv[3]);
const node = directory && (await import("@portage/cluster")).localCluster({ directory });
const httpServer = createServer();
const io = new Server(httpServer, {
  serveClient: false,
  connectTimeout: 600_000,
  pingInterval: 600_000,
  pingTimeout: 600_000,
  ...(node && { cluster: node }),
});

io.on("connection", (socket) => socket.on("echo", (data, acknowledge) => acknowledge(data)));

serve(httpServer, {
  /** How many nodes it knows. */
  nodes: () => node?.nodes().length ?? 1,
  pids: () => process.pid,
  sessions: () => io.engine.clientsCount,
  /** How many WebSockets it carries to and from other nodes. */
  tunnels: () => io.stats().nodes.exchanges.tunnels,
});
