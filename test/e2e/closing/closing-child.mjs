// Run by closing.test.ts: serves clients of every kind, closes, and has to end by itself.
import { once } from "node:events";
import { createServer } from "node:http";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { Server } = require(process.argv[2]);
const { io: connect } = require("socket.io-client");

const http = createServer();
const io = new Server(http);
await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${http.address().port}`;

const ways = [{ transports: ["polling"] }, { transports: ["websocket"] }, {}, {}];
const clients = ways.map((options) => connect(url, { ...options, forceNew: true, reconnection: false }));
await Promise.all(clients.map((client) => new Promise((resolve) => client.on("connect", resolve))));

// One session that has joined nothing, and one request for a path that is not the server's.
await fetch(`${url}/socket.io/?EIO=4&transport=polling`).then((reply) => reply.text());
http.on("request", (req, res) => req.url.startsWith("/socket.io/") || res.end());
await fetch(url, { headers: { connection: "close" } });

const gone = clients.map((client) => new Promise((resolve) => client.on("disconnect", resolve)));
const closed = once(http, "close");
await io.close();
await closed;
const reasons = await Promise.all(gone);
process.stdout.write(`${JSON.stringify(reasons)}\n`);
