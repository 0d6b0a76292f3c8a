// The built client on whatever runtime runs this, against a server at a port: prints one line of JSON for each step.
import { createRequire } from "node:module";
import { connect } from "node:net";

const require = createRequire(import.meta.url);
const { io } = require("../../packages/client/dist/index.js");
const { WebSocket } = require("../../packages/websocket/dist/index.js");

const port = Number(process.argv[2]);
const url = `http://127.0.0.1:${port}`;
const path = "/socket.io/?EIO=4&transport=websocket";

function once(emitter, event, ms = 10_000) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${event} in ${ms} ms`)), ms);
    emitter.once(event, (...args) => {
      clearTimeout(timer);
      resolve(args);
    });
  });
}

async function open(options) {
  const socket = io(url, { forceNew: true, reconnection: false, ...options });
  await once(socket, "connect");
  return socket;
}

async function echo(socket, value) {
  return socket.timeout(10_000).emitWithAck("echo", value);
}

/** Sends values of all kinds there and back, over a transport. */
async function exchange(transports) {
  const socket = await open({ transports });
  const text = "x".repeat(700_000);
  const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => i % 256);
  const answers = [await echo(socket, "text ✓"), await echo(socket, text), await echo(socket, { deep: [bytes] })];
  const { name } = socket.io.engine.transport;
  socket.disconnect();
  const isSame = Buffer.compare(Buffer.from(answers[2].deep[0]), Buffer.from(bytes)) === 0;
  return [name, answers[0], answers[1] === text, isSame];
}

const { bun, deno } = process.versions;

const steps = {
  runtime: () => (bun ? "bun" : deno ? "deno" : "node"),

  polling: () => exchange(["polling"]),
  websocket: () => exchange(["websocket"]),

  async upgrade() {
    const socket = await open({});
    const { engine } = socket.io;
    if (engine.transport.name !== "websocket") await once(engine, "upgrade");
    const answers = [engine.transport.name, await echo(socket, "after")];
    socket.disconnect();
    return answers;
  },

  async deflate() {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { perMessageDeflate: true });
    await once(socket, "message");
    const joined = once(socket, "message");
    socket.send("40");
    await joined;
    const answered = once(socket, "message");
    const text = "again ".repeat(10_000);
    socket.send(`420["echo","${text}"]`);
    const [data] = await answered;
    const answers = [socket.extensions, String(data) === `430["${text}"]`];
    socket.close();
    await once(socket, "close");
    return answers;
  },

  async broadcast() {
    const sockets = await Promise.all(Array.from({ length: 100 }, () => open({ transports: ["websocket"] })));
    const heard = Promise.all(sockets.map((socket) => once(socket, "all")));
    sockets[0].emit("to all", "news");
    const received = (await heard).filter(([value]) => value === "news").length;
    for (const socket of sockets) socket.disconnect();
    return received;
  },

  /** Frames that break every rule end their connection, and nothing else. */
  async garbage() {
    const head = `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
    for (const bytes of [
      [0xff, 0xff, 0xff],
      [0x81, 0x01, 0x41],
      [0x8f, 0x80, 0, 0, 0, 0],
      [0xc1, 0x81, 0, 0, 0, 0, 0x41],
    ]) {
      const stream = connect(port, "127.0.0.1");
      stream.on("error", () => undefined);
      stream.write(head);
      await once(stream, "data");
      const ended = once(stream, "close");
      stream.resume();
      stream.write(Buffer.from(bytes));
      // Of a frame that is not whole, only the first bytes may be wrong already.
      stream.end();
      await ended;
    }
    const socket = await open({ transports: ["websocket"] });
    const answer = await echo(socket, "still there");
    socket.disconnect();
    return answer;
  },

  /** The parent closes the server meanwhile. */
  async closing() {
    // Between two polls the client finds the port closed. With `carry` it would look for the session for ten seconds.
    const options = { carry: false };
    const sockets = [
      await open({ transports: ["websocket"], ...options }),
      await open({ transports: ["polling"], ...options }),
    ];
    const ended = Promise.all(sockets.map((socket) => once(socket, "disconnect")));
    console.log(JSON.stringify({ step: "connected" }));
    const [[reason], [pollingReason]] = await ended;
    return [reason, pollingReason.replace("transport error", "transport close")];
  },
};

for (const [step, run] of Object.entries(steps)) {
  try {
    console.log(JSON.stringify({ step, result: await run() }));
  } catch (error) {
    console.log(JSON.stringify({ step, error: String(error?.stack ?? error) }));
  }
}
process.exit(0);
