// Counters in a Fastify application: the plugin, hooks that check its requests, CORS, a route that emits.
import cors from "@fastify/cors";
import { portage } from "@portage/server/fastify";
import Fastify from "fastify";

const ORIGIN = process.env.PAGE_ORIGIN ?? "http://localhost:8080";
const COUNTERS = ["red", "green", "blue"];

const app = Fastify({ forceCloseConnections: true });
const counters = new Map(COUNTERS.map((name) => [name, 0]));
let maintenance = false;

// Pages of another origin may poll, open WebSockets and call the API.
await app.register(cors, { origin: ORIGIN });

// Hooks run before requests of Socket.IO, too: polls and WebSocket handshakes get this answer during maintenance.
app.addHook("onRequest", (request, reply, done) => {
  if (maintenance && request.url.startsWith("/live/")) reply.code(503).send({ error: "Back in a minute." });
  else done();
});

await app.register(portage, { path: "/live" });

/** Increments a counter and notifies its watchers. */
function count(name) {
  const value = counters.get(name) + 1;
  counters.set(name, value);
  app.io.to(name).emit("count", name, value);
  return value;
}

app.io.on("connection", (socket) => {
  socket.on("watch", async (name, answer) => {
    if (typeof answer !== "function") return;
    if (counters.has(name)) {
      await socket.join(name);
      answer({ value: counters.get(name) });
    } else answer({ error: `There is no counter ${String(name).slice(0, 20)}.` });
  });
});

const params = { type: "object", properties: { name: { enum: COUNTERS } } };
app.post("/counters/:name", { schema: { params } }, (request, reply) =>
  reply.send({ value: count(request.params.name) }),
);

const body = { type: "object", required: ["on"], properties: { on: { type: "boolean" } } };
app.put("/maintenance", { schema: { body } }, (request, reply) => {
  maintenance = request.body.on;
  if (maintenance) app.io.disconnectSockets(true);
  return reply.send({ maintenance });
});

app.addHook("onClose", async () => console.log("All connections are closed."));
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void app.close());

await app.listen({ port: Number(process.env.PORT ?? 3000), host: "localhost" });
console.log(`Counters: http://localhost:${app.server.address().port}`);
