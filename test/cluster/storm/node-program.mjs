// A node on Redis in a process of its own. It emits numbered events, and writes down what it emits, before it does so, which
// sessions begin and end, and what clients send: in a file, so that it outlives `kill -9`. It runs the build. programs.ts
// starts it, and asks by messages.
import { subscribe } from "node:diagnostics_channel";
import { openSync, writeSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { describeSession } from "../describe-session.mjs";

const require = createRequire(import.meta.url);
const { life, file, redis, driver, cluster, options, port, address, rooms } = JSON.parse(process.env.NODE_PLAN);
const { Server } = require("@portage/server");
const { redisCluster } = require("@portage/cluster/redis");

const log = openSync(file, "a");
const write = (line) => writeSync(log, `${JSON.stringify(line)}\n`);
const now = () => performance.timeOrigin + performance.now();

const clients = {
  ioredis: () => new (require("ioredis").Redis)(redis, { lazyConnect: true }),
  "node-redis": () => require("redis").createClient({ url: redis }),
};
const node = redisCluster(clients[driver](), cluster);
for (const name of ["degraded", "restored"]) node.on(name, () => write({ is: name, at: now() }));

/** Connections to other nodes. */
const links = new Set();
const noteLink = (socket) => {
  const ends = [socket.remoteAddress, socket.localAddress];
  if (ends.some((each) => each?.startsWith("127.0.1."))) links.add(socket);
};
subscribe("net.client.socket", ({ socket }) => socket.once("connect", () => noteLink(socket)));
subscribe("net.server.socket", ({ socket }) => noteLink(socket));

const http = createServer();
const io = new Server(http, { ...options, cluster: node });

let moves = 0;

io.on("connection", (socket) => {
  const { client, pid, offset } = socket.handshake.auth;
  const { recovered, recoveryError } = socket;
  const code = recoveryError?.code;
  const why = recoveryError?.cause?.message ?? recoveryError?.message;
  const isReturn = pid !== undefined;
  write({ is: "up", sid: socket.id, client, isReturn, offset, recovered, code, why, at: now() });
  if (!recovered) void socket.join(rooms[client % rooms.length]);
  socket.on("disconnect", (reason) => {
    write({ is: "down", sid: socket.id, reason, code: socket.closeReason?.code, at: now() });
  });
  socket.on("move", async (isIn) => {
    const move = { is: "moving", sid: socket.id, n: moves, isIn };
    moves += 1;
    write({ ...move, at: now() });
    await (isIn ? socket.join("extra") : socket.leave("extra"));
    write({ ...move, is: "moved", at: now() });
  });
  socket.on("up", (n, answer) => {
    write({ is: "got", sid: socket.id, client, n, at: now() });
    answer?.(n);
  });
});

/** Random numbers from a seed (mulberry32). */
function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

let sent = 0;
let speaking;

/** Writes an event down and emits it. */
function emit(target, to) {
  write({ is: "sent", n: sent, ...to, at: now() });
  target.emit("news", life, sent);
  sent += 1;
}

function emitAny(random) {
  const chance = random();
  const room = rooms[Math.floor(random() * rooms.length)];
  const other = rooms[Math.floor(random() * rooms.length)];
  const sockets = [...io.sockets.sockets.values()];
  const socket = sockets[Math.floor(random() * sockets.length)];
  if (chance < 0.3) emit(io, {});
  else if (chance < 0.7) emit(io.to(room), { room });
  else if (chance < 0.8) emit(io.except(room), { but: room });
  else if (chance < 0.85) emit(io.to(room).to(other).except(other), { room, but: other });
  else if (socket !== undefined) emit(chance < 0.95 ? socket : io.to(socket.id), { sid: socket.id });
}

const questions = {
  /** Emits this many events a second. */
  speak({ rate, seed }) {
    const random = randomFrom(seed);
    const begin = performance.now();
    let due = 0;
    clearInterval(speaking);
    speaking = setInterval(() => {
      // A process that was stopped does not catch up.
      const target = Math.floor(((performance.now() - begin) * rate) / 1000);
      due = Math.max(due, target - rate / 2);
      for (; due < target; due += 1) emitAny(random);
    }, 5);
  },
  hush: () => clearInterval(speaking),
  /** Emits an event to all, and returns its number. */
  last() {
    emit(io, {});
    return { life, n: sent - 1 };
  },
  tag: () => node.tag,
  nodes: () => node.nodes(),
  sids: () => [...io.sockets.sockets.keys()],
  /** The sockets in the room that clients enter and leave. */
  extra: () => [...(io.sockets.adapter.rooms.get("extra") ?? [])],
  report: () => ({
    tag: node.tag,
    faults: [],
    open: Object.values(io.engine.clients).map(describeSession),
    sockets: io.of("/").sockets.size,
    stats: io.stats(),
  }),
  /** Breaks the connections to the other nodes; returns how many there were. */
  cut() {
    const open = [...links].filter(({ destroyed }) => !destroyed);
    for (const link of open) link.destroy();
    links.clear();
    return open.length;
  },
};

process.on("message", async ({ id, question, value }) => {
  try {
    process.send({ id, answer: await questions[question](value) });
  } catch (error) {
    process.send({ id, error: String(error?.stack ?? error) });
  }
});
process.on("disconnect", () => process.exit());

http.listen({ port, host: address, backlog: 4096 }, () => process.send({ id: 0, answer: http.address().port }));
