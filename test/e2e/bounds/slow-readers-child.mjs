// A server that sends far more than its client reads, and reports the cost.
import { createServer } from "node:http";
import { Server } from "@portage/server";

const http = createServer();
const io = new Server(http);
const turn = () => new Promise((resolve) => setImmediate(resolve));

function memory() {
  globalThis.gc?.();
  return process.memoryUsage().rss;
}

/** Emits 100 events at a time, like programs that forward data. */
async function send(socket, bytes, of, onTurn = () => {}) {
  const text = "x".repeat(of);
  for (let sent = 0; sent < bytes && socket.connected; sent += 100 * of) {
    for (let index = 0; index < 100; index++) socket.emit("text", text);
    onTurn();
    await turn();
  }
}

io.on("connection", (socket) => {
  // Compiled code and heap growth do not belong to the queue.
  socket.on("read", async (done) => {
    for (let round = 0; round < 30; round++) {
      await send(socket, 1, 10_000);
      await socket.whenDrained();
    }
    done();
  });
  socket.on("burst", async (bytes, of) => {
    const ended = new Promise((resolve) => socket.on("disconnect", resolve));
    const before = memory();
    let worst = before;
    await send(socket, bytes, of, () => (worst = Math.max(worst, memory())));
    const reason = await ended;
    worst = Math.max(worst, memory());
    const { code, limit, actual } = socket.closeReason;
    process.send({ grown: worst - before, reason, code, limit, actual });
  });
});

http.listen(0, "127.0.0.1", () => process.send({ port: http.address().port }));
process.on("disconnect", () => process.exit());
