// A server process for tests that misuse it, started by child-server.ts with --expose-gc.
import { createServer } from "node:http";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const [name, options] = JSON.parse(process.argv[2]);
const { Server } = require(name);

const http = createServer((_req, res) => res.writeHead(404).end());
const io = new Server(http, options);

/** Echoes all events, like programs that trust their clients. */
function repeat(socket) {
  // The reference throws without a listener.
  socket.on("error", () => undefined);
  socket.on("join", (room) => socket.join(room));
  socket.on("leave", () => socket.leave([...socket.rooms][1]));
  socket.on("ask", () => socket.emit("question", () => undefined));
  socket.on("ask in time", () => socket.timeout(500).emit("question", () => undefined));
  socket.onAny((event, ...args) => {
    const answer = args.at(-1);
    if (typeof answer === "function") answer(...args.slice(0, -1));
    else if (!/^(join|leave|ask)/.test(event)) socket.emit(event, ...args);
  });
}

io.on("connection", repeat);
io.of(/^\/dynamic-\d+$/).on("connection", repeat);
io.of("/refuses").use((_socket, next) => next(new Error("no")));

function collectGarbage() {
  for (let i = 0; i < 3; i++) globalThis.gc();
  const { heapUsed, rss, external } = process.memoryUsage();
  const { rooms, sids } = io.of("/").adapter;
  const namespaces = io._nsps.size;
  return { heapUsed, external, rss, sessions: io.engine.clientsCount, rooms: rooms.size, sids: sids.size, namespaces };
}

/** Blocks the event loop. */
function block(ms) {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

process.on("message", ({ id, ask, value }) => {
  if (ask === "memory") process.send({ id, answer: collectGarbage() });
  if (ask === "block") process.send({ id, answer: block(value) });
  if (ask === "sessions") process.send({ id, answer: io.engine.clientsCount });
});
process.on("disconnect", () => process.exit());

http.listen(0, "127.0.0.1", () => process.send({ id: 0, answer: http.address().port }));
