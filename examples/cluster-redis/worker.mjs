// An ordinary Socket.IO server: the adapter makes it part of the cluster.
import cluster from "node:cluster";
import { createServer } from "node:http";
import { Server } from "@portage/server";
import { createAdapter } from "@socket.io/redis-adapter";
import { setupWorker } from "@socket.io/sticky";
import { createClient } from "redis";

const LIMITS = { text: 500, room: 50 };

const isText = (value, limit) => typeof value === "string" && value.length > 0 && value.length <= limit;

/** Calls `answer`, if the client has asked for an acknowledgement. */
const reply = (answer, value) => typeof answer === "function" && answer(value);

export async function startWorker(url) {
  const [pub, sub] = [createClient({ url }), createClient({ url })];
  for (const client of [pub, sub]) client.on("error", (error) => console.error("Redis:", error.message));
  await Promise.all([pub.connect(), sub.connect()]);

  const http = createServer((_req, res) => res.writeHead(404).end());
  const io = new Server(http, { adapter: createAdapter(pub, sub) });
  // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- its typings name the enums of the package socket.io
  setupWorker(io);

  io.on("connection", (socket) => {
    // The worker of the socket answers; broadcasts reach the clients of all workers.
    socket.on("where", (answer) => reply(answer, cluster.worker.id));

    socket.on("join", async (room, answer) => {
      if (!isText(room, LIMITS.room)) {
        reply(answer, { error: "The name of the room is invalid." });
        return;
      }
      await socket.join(room);
      const members = await io.in(room).fetchSockets();
      reply(answer, { members: members.length });
    });

    socket.on("say", (room, text) => {
      if (socket.rooms.has(room) && isText(text, LIMITS.text)) socket.to(room).emit("said", text, cluster.worker.id);
    });
  });

  // Workers can also send requests to each other.
  io.on("how many", (answer) => answer(io.sockets.sockets.size));
  io.on("connection", (socket) => {
    socket.on("how many", async (answer) => {
      const others = await io.serverSideEmitWithAck("how many");
      reply(
        answer,
        others.reduce((sum, count) => sum + count, io.sockets.sockets.size),
      );
    });
  });

  // A terminal sends its signals to workers too, but the primary decides when they stop.
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => {});
  process.on("message", async (message) => {
    if (message !== "stop") return;
    // The HTTP server reports that it never listened, which is expected here.
    await io.close();
    await Promise.all([pub.quit(), sub.quit()]);
    cluster.worker.disconnect();
  });
  process.send("ready");
}
