// One contender of bench/websocket.mjs: an echo server, controlled by messages of its parent.
import { createServer as createHttpServer } from "node:http";
import { createServer as createTcpServer } from "node:net";

/** Echoes by the API of ws, which both support. */
async function byApi(name) {
  const { WebSocketServer } = await import(name);
  const server = createHttpServer();
  const sockets = new WebSocketServer({ server, perMessageDeflate: true });
  sockets.on("connection", (socket) => {
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  return server;
}

const contenders = {
  ws: () => byApi("ws"),
  portage: () => byApi("@portage/websocket"),
  /** Echoes without an emitter, by the layer that @portage/server uses. */
  async link() {
    const { acceptUpgrade } = await import("@portage/websocket");
    const server = createHttpServer();
    server.on("upgrade", (req, stream, head) => {
      const link = acceptUpgrade(req, stream, head, { maxPayload: 100 * 1024 * 1024, perMessageDeflate: true });
      link.open({
        onText: (text) => link.sendText(text),
        onBinary: (data) => link.sendBinary(data),
        onDrain() {},
        onClose() {},
      });
    });
    return server;
  },
  async net() {
    return createTcpServer((socket) => {
      socket.setNoDelay(true);
      socket.on("data", (chunk) => socket.write(chunk));
      socket.on("error", () => {});
    });
  },
};

const answers = {
  cpu() {
    const { user, system } = process.cpuUsage();
    return { user, total: user + system };
  },
  heap() {
    globalThis.gc();
    globalThis.gc();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  },
};

const server = await contenders[process.argv[2]]();
process.on("message", ({ question }) => process.send({ question, answer: answers[question]() }));
process.on("disconnect", () => process.exit());
server.listen(0, "127.0.0.1", () => process.send({ question: "ready", answer: server.address().port }));
