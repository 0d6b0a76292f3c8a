// A server for replacement without downtime: SIGTERM drains and closes it, then the process exits.
import { createServer } from "node:http";
import { Server } from "@portage/server";

const DRAIN = Number(process.env.DRAIN ?? 10_000);

let isLeaving = false;

// For the load balancer: a server that answers 503 receives no new clients.
const http = createServer((req, res) => {
  if (req.url === "/ready") res.writeHead(io.isReady ? 200 : 503).end(io.isReady ? "ready\n" : "leaving\n");
  else res.writeHead(404).end();
});

// Delay after which refused clients should try again, in milliseconds.
const io = new Server(http, { serveClient: false, retryAfter: 2000 });

io.on("connection", (socket) => {
  socket.on("work", (task, answer) => {
    if (typeof answer === "function") answer(`${String(task).slice(0, 100)} is done by ${process.pid}`);
  });
});

async function leave() {
  if (isLeaving) process.exit(1);
  isLeaving = true;
  console.log(`Leaving: ${io.stats().sessions.open} clients are moved away.`);
  io.emit("leaving");
  await io.drain({ deadline: DRAIN });
  await io.close();
  console.log("All have gone.");
}

for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => void leave());

http.listen(Number(process.env.PORT ?? 3000), "localhost", () => {
  console.log(`Ready: http://localhost:${http.address().port}`);
});
