// Run by counts.test.ts with --expose-gc: reports the heap size of an idle connection in bytes, by transport.
import { createServer, request } from "node:http";
import { connect } from "node:net";
import { Server } from "@portage/server";

const server = createServer();
const io = new Server(server, { serveClient: false });
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const { port } = server.address();
const COUNT = 500;

const upgrade =
  "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
/** "40", masked with zero. */
const connectFrame = Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x34, 0x30]);

const connected = (count) =>
  new Promise((resolve) => {
    let left = count;
    io.on("connection", function onConnection() {
      left -= 1;
      if (left > 0) return;
      io.off("connection", onConnection);
      resolve();
    });
  });

function openWebSocket() {
  const socket = connect(port, "127.0.0.1");
  socket.write(upgrade);
  socket.once("data", () => socket.write(connectFrame));
  socket.resume();
}

const heap = () => {
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

/** Measures the clients' own memory in this process, by the same connections to a passive server. */
async function ofBareSockets() {
  const bare = createServer();
  let left = COUNT;
  const accepted = new Promise((resolve) => {
    bare.on("upgrade", (req, socket) => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\n\r\n");
      socket.resume();
      left -= 1;
      if (left === 0) resolve();
    });
  });
  await new Promise((resolve) => bare.listen(0, "127.0.0.1", resolve));
  const before = heap();
  for (let index = 0; index < COUNT; index += 1) {
    const socket = connect(bare.address().port, "127.0.0.1");
    socket.write(upgrade);
    socket.once("data", () => socket.write(connectFrame));
    socket.resume();
  }
  await accepted;
  return (heap() - before) / COUNT;
}

async function ofSessions() {
  const warm = connected(20);
  for (let index = 0; index < 20; index += 1) openWebSocket();
  await warm;
  const before = heap();
  const all = connected(COUNT);
  for (let index = 0; index < COUNT; index += 1) openWebSocket();
  await all;
  return (heap() - before) / COUNT;
}

await new Promise((resolve) => request({ port, path: "/socket.io/" }, (res) => res.resume().on("end", resolve)).end());
const sessions = await ofSessions();
const bare = await ofBareSockets();
process.stdout.write(JSON.stringify({ sessions, bare }), () => process.exit());
