// A program with failing handlers. Its argument chooses how it handles uncaught errors.
import { createServer } from "node:http";
import { Server } from "@portage/server";
import { io as connect } from "socket.io-client";

const [setting] = process.argv.slice(2);
const http = createServer();
const io = new Server(http, {
  allowRequest: (req, answer) => {
    if (req.headers["x-fail"]) throw new Error("allowRequest");
    answer(null, true);
  },
});
if (setting === "process") {
  for (const event of ["uncaughtException", "unhandledRejection"]) {
    process.on(event, (error) => console.log(event, error.message));
  }
}

io.on("connection", (socket) => {
  socket.on("throw", () => {
    throw new Error("throw");
  });
  socket.on("reject", () => Promise.reject(new Error("reject")));
  socket.on("echo", (value, answer) => answer(value));
});
io.of("/closed").use(() => {
  throw new Error("middleware");
});

await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${http.address().port}`;
const next = (client, event) => new Promise((resolve) => client.once(event, resolve));

const client = connect(url);
await next(client, "connect");
client.emit("throw");
client.emit("reject");
await client.emitWithAck("echo", 1);
await next(client.io.socket("/closed"), "connect_error");
await next(connect(url, { forceNew: true, reconnection: false, extraHeaders: { "x-fail": "1" } }), "connect_error");
if ((await client.emitWithAck("echo", 2)) === 2) console.log("served to the end");
client.disconnect();
await io.close();
