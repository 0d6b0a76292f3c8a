// One server on all cores. Each worker runs start(); any of them answers any request of any session.
import { localCluster, runWorkers } from "@portage/cluster";
import { Server } from "@portage/server";

const PORT = Number(process.env.PORT ?? 3000);
const LIMITS = { text: 500, room: 50 };

const isText = (value, limit) => typeof value === "string" && value.length > 0 && value.length <= limit;

/** Calls `answer`, if the client has asked for an acknowledgement. */
const reply = (answer, value) => typeof answer === "function" && answer(value);

function start() {
  const io = new Server(PORT, { cluster: localCluster() });
  io.httpServer.once("listening", () => {
    console.log(`process ${process.pid}: http://localhost:${io.httpServer.address().port}`);
  });

  io.on("connection", (socket) => {
    // The worker that has the session, and the number of workers.
    socket.on("where", (answer) => reply(answer, { worker: io.cluster.tag, workers: io.cluster.nodes().length }));

    socket.on("join", async (room, answer) => {
      if (!isText(room, LIMITS.room)) {
        reply(answer, { error: "The name of the room is invalid." });
        return;
      }
      await socket.join(room);
      // The sockets of all workers.
      const members = await io.in(room).fetchSockets();
      reply(answer, { members: members.length });
    });

    // Reaches the clients of all workers.
    socket.on("say", (room, text) => {
      if (socket.rooms.has(room) && isText(text, LIMITS.text)) socket.to(room).emit("said", text, io.cluster.tag);
    });
  });
  return io;
}

const workers = runWorkers(start, { workers: process.env.WORKERS && Number(process.env.WORKERS), drain: 1000 });

if (workers.isPrimary) {
  workers.on("worker", ({ id, pid, state }) => console.log(`worker ${id} (${pid}): ${state}`));
  workers.on("restart", ({ worker, delay }) =>
    console.log(`worker ${worker.id} has ended, the next starts in ${delay} ms`),
  );
}
