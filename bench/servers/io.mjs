// socket.io or Portage, with the handlers for the rows.
import { createServer } from "node:http";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { growth, serve, turns } from "./serve.mjs";

const [, , name, options] = process.argv;
const { Server } = await import(name === "portage" ? "@portage/server" : "socket.io");
const httpServer = createServer();
// A heartbeat would disturb the load generator, which counts bytes.
const io = new Server(httpServer, {
  serveClient: false,
  connectTimeout: 600_000,
  pingInterval: 600_000,
  pingTimeout: 600_000,
  maxHttpBufferSize: 4 * 1024 * 1024,
  ...JSON.parse(options),
});

let rooms = 0;
let connections = 0;
let onGone = () => {};
const delay = monitorEventLoopDelay({ resolution: 1 });

io.on("connection", (socket) => {
  socket.on("echo", (data, acknowledge) => acknowledge(data));
  socket.on("in", () => {});
  if (rooms > 0) socket.join(`room ${connections % rooms}`);
  connections += 1;
  socket.on("disconnect", () => setImmediate(() => io.engine.clientsCount === 0 && onGone()));
});

const actions = {
  /** The next sockets join this number of rooms in turn. */
  spread: (count) => void (rooms = count),
  gone: () => (io.engine.clientsCount === 0 ? undefined : new Promise((resolve) => (onGone = resolve))),
  broadcast: ({ count, each }) =>
    turns(count, () => {
      for (let index = 0; index < each; index += 1) io.emit("news", "hello", index);
    }),
  rooms: (count) =>
    turns(count, () => {
      for (let room = 0; room < rooms; room += 1) io.to(`room ${room}`).emit("news", "hello", 0);
    }),
  burst: ({ count, size }) => growth(count, () => io.emit("news", "x".repeat(size))),
  watchLoop() {
    delay.reset();
    delay.enable();
  },
  /** Milliseconds of the longest tick since `watchLoop`. */
  longestTurn: () => delay.max / 1e6,
};

serve(httpServer, actions);
