// The built server on Deno, over HTTPS and WebTransport, on one port. Takes the certificate and its key. Prints its port, then
// what it sees of sessions; closes when its input ends.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:https";

const { Server } = createRequire(import.meta.url)("../../packages/server/dist/index.js");
const [certFile, keyFile] = process.argv.slice(2);
const cert = readFileSync(certFile, "utf8");
const key = readFileSync(keyFile, "utf8");
const say = (facts) => console.log(JSON.stringify(facts));

const https = createServer({ cert, key }, (_req, res) => {
  res.setHeader("Content-Type", "text/html");
  res.end("<!doctype html><title>page</title>");
});
const io = new Server(https, { transports: ["polling", "websocket", "webtransport"] });

const connections = new Set();

io.on("connection", (socket) => {
  socket.on("number", (number, answer) => {
    socket.emit("number", number);
    answer(number);
  });
  socket.on("cut", () => {
    for (const connection of connections) connection.close({ closeCode: 1, reason: "cut" });
    connections.clear();
  });
  socket.on("echo", (value, answer) => answer(value));
  socket.on("many", (count) => {
    for (let i = 0; i < count; i++) socket.emit("one", i);
  });
  socket.on("last words", () => {
    socket.emit("last", "words");
    socket.disconnect(true);
  });
  socket.on("end session", () => {
    socket.emit("last", "packet");
    socket.conn.close();
  });
});
io.engine.on("connection_error", ({ name }) => say({ refused: name }));

await new Promise((resolve) => https.listen(0, "127.0.0.1", resolve));
const { port } = https.address();
const endpoint = new Deno.QuicEndpoint({ hostname: "127.0.0.1", port });
const listener = endpoint.listen({ cert, key, alpnProtocols: ["h3"] });
say({ port });

process.stdin.on("data", () => {
  void io.close().then(() => {
    endpoint.close({ closeCode: 0, reason: "" });
    console.log("closed");
    process.exit(0);
  });
});

for (;;) {
  const connection = await listener.accept();
  connections.add(connection);
  Deno.upgradeWebTransport(connection)
    .then(async (session) => {
      await session.ready;
      await io.engine.onWebTransportSession(session, { remoteAddress: connection.remoteAddr.hostname });
    })
    .catch((error) => say({ error: String(error) }));
}
