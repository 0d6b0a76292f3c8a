// The built server on whatever runtime runs this. Says its port; closes when its input ends.
const { createServer } = require("node:http");
const { Server } = require("../../packages/server/dist/index.js");

const http = createServer();
const io = new Server(http, { maxHttpBufferSize: 1e6, perMessageDeflate: { threshold: 0 } });

io.on("connection", (socket) => {
  socket.on("echo", (value, answer) => answer(value));
  socket.on("to all", (value) => io.emit("all", value));
});

const { bun, deno } = process.versions;
const runtime = bun ? "bun" : deno ? "deno" : "node";
http.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: http.address().port, runtime })));

process.stdin.on("data", () => {
  void io.close().then(() => {
    console.log("closed");
    process.exit(0);
  });
});
