// Cost of the layers below alone: prepared answers by bare TCP and HTTP servers, by ws, by engine.io.
import { createServer as createHttpServer } from "node:http";
import { createServer as createTcpServer } from "node:net";
import { serverFrames } from "../frames.mjs";
import { growth, serve, turns } from "./serve.mjs";

const HEAD =
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n";
/** The opcode of a close frame. */
const CLOSE = 8;
/** The answer to a request, and the size of that request in bytes or messages. */
let spec = { bytes: Infinity, messages: Infinity, answer: Buffer.alloc(0), parts: [] };
let onGone = () => {};
let count = () => 0;

const news = (each) => Array.from({ length: each }, (_, index) => `2["news","hello",${index}]`);
const engineNews = (each) => news(each).map((text) => `4${text}`);

/** Sockets that count received bytes and write prepared frames. */
class Sockets extends Set {
  /** Answers a handshake; its bytes are already consumed. */
  open(socket) {
    this.add(socket);
    let read = 0;
    const onOpen = (chunk) => {
      if ((chunk[0] & 0x0f) === CLOSE) socket.end();
      read += chunk.length;
      const due = Math.floor(read / spec.bytes);
      if (due === 0) return;
      read -= due * spec.bytes;
      socket.write(due === 1 ? spec.answer : Buffer.concat(Array.from({ length: due }, () => spec.answer)));
    };
    socket.write(Buffer.concat([Buffer.from(HEAD), serverFrames(["0{}"])]));
    socket.once("data", () => {
      socket.write(serverFrames(["40{}"]));
      socket.on("data", onOpen);
    });
    socket.on("error", () => {});
    // Sockets of an HTTP server may be half open.
    socket.on("end", () => socket.end());
    socket.on("close", () => {
      this.delete(socket);
      if (this.size === 0) onGone();
    });
  }

  sendAll(texts) {
    const bytes = serverFrames(texts);
    for (const socket of this) socket.write(bytes);
  }
}

/** Bare TCP, which does not even parse the handshake. */
function net() {
  const sockets = new Sockets();
  count = () => sockets.size;
  const server = createTcpServer({ noDelay: true }, (socket) => socket.once("data", () => sockets.open(socket)));
  return { server, sendAll: (texts) => sockets.sendAll(texts) };
}

/** The same behind Node's HTTP server, which parses the handshakes, as for any attached library. */
function upgrade() {
  const sockets = new Sockets();
  count = () => sockets.size;
  const server = createHttpServer();
  server.on("upgrade", (_request, socket) => sockets.open(socket));
  return { server, sendAll: (texts) => sockets.sendAll(texts) };
}

/** Bare HTTP: polls wait for the packets of a POST or a broadcast. */
function http() {
  const clients = new Map();
  count = () => clients.size;
  const give = (client) => {
    if (client.poll === undefined || client.queue.length === 0) return;
    const body = client.queue.join("\x1e");
    client.queue = [];
    client.poll.writeHead(200, {
      "Content-Type": "text/plain; charset=UTF-8",
      "Content-Length": Buffer.byteLength(body),
    });
    client.poll.end(body);
    client.poll = undefined;
  };
  const server = createHttpServer((req, res) => {
    const sid = /sid=(\d+)/.exec(req.url)?.[1];
    if (sid === undefined) {
      const id = String(clients.size);
      clients.set(id, { poll: res, queue: [`0{"sid":"${id}"}`] });
      return give(clients.get(id));
    }
    const client = clients.get(sid);
    if (req.method === "GET") {
      client.poll = res;
      return give(client);
    }
    let body = "";
    req.setEncoding("utf8");
    req.on("data", (chunk) => (body += chunk));
    req.on("end", () => {
      res.writeHead(200, { "Content-Type": "text/html", "Content-Length": 2 });
      res.end("ok");
      client.queue.push(...(body === "40" ? ["40{}"] : spec.parts));
      give(client);
    });
  });
  const sendAll = (texts) => {
    for (const client of clients.values()) {
      client.queue.push(...texts);
      give(client);
    }
  };
  return { server, sendAll };
}

/** Shared by `ws` and `engine.io`: answers messages with prepared ones. */
function counter(send) {
  let messages = 0;
  return () => {
    messages += 1;
    if (messages < spec.messages) return;
    messages = 0;
    for (const part of spec.parts) send(part);
  };
}

async function ws() {
  const { WebSocketServer } = await import("ws");
  const server = createHttpServer();
  const sockets = new WebSocketServer({ server, perMessageDeflate: false, maxPayload: 4 * 1024 * 1024 });
  count = () => sockets.clients.size;
  sockets.on("connection", (socket) => {
    socket.send("0{}");
    const onRequest = counter((part) => socket.send(part));
    socket.once("message", () => {
      socket.send("40{}");
      socket.on("message", onRequest);
    });
    socket.on("close", () => setImmediate(() => sockets.clients.size === 0 && onGone()));
  });
  const sendAll = (texts) => {
    for (const socket of sockets.clients) for (const text of texts) socket.send(text);
  };
  return { server, sendAll };
}

async function engine() {
  const { Server } = await import("engine.io");
  const server = createHttpServer();
  const io = new Server({ pingInterval: 600_000, pingTimeout: 600_000, maxHttpBufferSize: 4 * 1024 * 1024 });
  io.attach(server, { path: "/socket.io/" });
  count = () => io.clientsCount;
  io.on("connection", (socket) => {
    // The rest is an engine message already; the engine adds the packet type of text.
    const onRequest = counter((part) => socket.send(typeof part === "string" ? part.slice(1) : part));
    socket.once("message", () => {
      socket.send("0{}");
      socket.on("message", onRequest);
    });
    socket.on("close", () => setImmediate(() => io.clientsCount === 0 && onGone()));
  });
  const sendAll = (texts) => {
    for (const socket of Object.values(io.clients)) for (const text of texts) socket.send(text.slice(1));
  };
  return { server, sendAll };
}

const { pingInterval = 0 } = JSON.parse(process.argv[3]);
const floors = { net, http, upgrade, ws, "engine.io": engine };
const { server, sendAll } = await floors[process.argv[2]]();
if (pingInterval > 0) setInterval(() => sendAll(["2"]), pingInterval);

serve(server, {
  /** The packets of one request and its answer. A number stands for binary data of this size in bytes. */
  answer({ bytes, messages, parts }) {
    const real = parts.map((part) => (typeof part === "number" ? Buffer.alloc(part, 1) : part));
    spec = { bytes, messages, parts: real, answer: serverFrames(real) };
  },
  spread() {},
  gone: () => (count() === 0 ? undefined : new Promise((resolve) => (onGone = resolve))),
  broadcast: ({ count: times, each }) => turns(times, () => sendAll(engineNews(each))),
  rooms: (times) => turns(times, () => sendAll(engineNews(1))),
  burst: ({ count: times, size }) => growth(times, () => sendAll([`42["news","${"x".repeat(size)}"]`])),
});
