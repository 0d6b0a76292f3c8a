// Run by event-memory.test.ts with --expose-gc and a large young generation: reports the bytes of the modules that a
// server loads, and the bytes of buffers that one event of 64 KiB with an acknowledgement takes.
import { statSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { connect } from "node:net";

const SIZE = 65_536;
const EVENTS = 100;

function bytesOfBuffers() {
  globalThis.gc();
  globalThis.gc();
  return process.memoryUsage().arrayBuffers;
}

function frame(opcode, payload) {
  const head = Buffer.alloc(payload.length < 126 ? 6 : 14);
  head[0] = 0x80 | opcode;
  head[1] = 0x80 | (payload.length < 126 ? payload.length : 127);
  if (payload.length >= 126) head.writeBigUInt64BE(BigInt(payload.length), 2);
  const mask = Buffer.from([1, 2, 3, 4]);
  mask.copy(head, head.length - 4);
  return Buffer.concat([head, payload.map((byte, at) => byte ^ mask[at & 3])]);
}

const upgrade =
  "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const request = Buffer.concat([
  frame(1, Buffer.from('451-0["echo",{"_placeholder":true,"num":0}]')),
  frame(2, Buffer.alloc(SIZE, 1)),
]);

const server = createServer();
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

const { Server } = await import("@portage/server");
const io = new Server(server, { serveClient: false });
const modules = Object.keys(createRequire(import.meta.url).cache).reduce((sum, file) => sum + statSync(file).size, 0);

io.on("connection", (socket) => socket.on("echo", (data, acknowledge) => acknowledge(data)));

/** The client reads into this buffer, so that all others are the server's. */
const scratch = Buffer.allocUnsafeSlow(4 * SIZE);
let onBytes = () => {};
const callback = (size) => {
  onBytes(size);
  return true;
};
const client = connect({ port: server.address().port, host: "127.0.0.1", onread: { buffer: scratch, callback } });

/** Writes, and waits for so many bytes in answer. */
const exchange = (bytes, expected) =>
  new Promise((resolve) => {
    let left = expected;
    onBytes = (size) => {
      left -= size;
      if (left <= 0) resolve();
    };
    client.write(bytes);
  });

await exchange(upgrade, 1);
const joined = new Promise((resolve) => io.once("connection", resolve));
client.write(frame(1, Buffer.from("40")));
await joined;
// The answer to CONNECT may still be on its way: it counts for the first event, and the next ones start a few bytes early.
for (let event = 0; event < 10; event += 1) await exchange(request, SIZE);
const before = bytesOfBuffers();
for (let event = 0; event < EVENTS; event += 1) await exchange(request, SIZE);
const perEvent = (process.memoryUsage().arrayBuffers - before) / EVENTS;
process.stdout.write(JSON.stringify({ modules, perEvent }), () => process.exit());
