// A program as any user writes one, with one fault: node server-program.mjs <fault> <variant>. Prints its port.
import { createServer } from "node:http";
import { Server } from "@portage/server";
import { dashboard } from "@portage/server/dashboard";
import { FAULTS } from "./faults.mjs";

const [fault, variant] = [process.argv[2], Number(process.argv[3])];
const { server: seed, options = {} } = FAULTS[fault];

const http = createServer((_req, res) => res.writeHead(404).end());
const io = new Server(http, { serveClient: false, ...options });
dashboard(io, { label: ({ handshake }) => String(handshake.auth.name ?? "") });

function serve(socket) {
  const { room } = socket.handshake.auth;
  if (room !== undefined) socket.join(room);
  socket.on("say", (text, done) => {
    if (room !== undefined) socket.to(room).emit("said", text);
    done?.("ok");
  });
}

io.on("connection", serve);
setInterval(() => io.emit("clock", Date.now()), 1000);
seed?.(io, variant);

process.on("message", (ask) => {
  if (ask === "sids") process.send({ sids: [...io.of("/").sockets.values()].map(({ id, conn }) => [id, conn.id]) });
  if (ask === "usage") process.send({ usage: process.cpuUsage(), rss: process.memoryUsage().rss });
});
http.listen(0, "127.0.0.1", () => process.stdout.write(`port ${http.address().port}\n`));
