// One contender: a Socket.IO server with the handlers that the scenarios need, driven by messages of its parent.
import { createServer } from "node:http";

const { Server } = await import(process.argv[2] === "portage" ? "@portage/server" : "socket.io");
const httpServer = createServer();
const io = new Server(httpServer, { serveClient: false, connectTimeout: 600_000 });

io.on("connection", (socket) => {
  socket.on("echo", (data, acknowledge) => acknowledge(data));
  socket.on("in", () => {});
});

const actions = {
  cpu() {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
  memory() {
    globalThis.gc();
    globalThis.gc();
    const { heapUsed, external, rss } = process.memoryUsage();
    return { heap: heapUsed + external, rss };
  },
  clients: () => io.engine.clientsCount,
  broadcast(times) {
    for (let i = 0; i < times; i += 1) io.emit("news", "hello", i);
  },
};

process.on("message", ({ question, value }) => process.send({ question, answer: actions[question](value) }));
process.on("disconnect", () => process.exit());
httpServer.listen(0, "127.0.0.1", () => process.send({ question: "ready", answer: httpServer.address().port }));
