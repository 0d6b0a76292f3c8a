// Server CPU per operation, @portage/websocket compared with ws, interleaved in one run, with a bare TCP echo as the floor.
//
//   npm run bench -- websocket               all rows
//   npm run bench -- websocket small idle    only these rows
//
// Each contender is a process; this process makes the load, over loopback, with prepared frames. Figures are the
// server's user + system time as the operating system accounts for it; "user" is the user part alone.
import { fork } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { constants, deflateRawSync } from "node:zlib";
import { pinServer } from "./contender.mjs";
import { save, saved } from "./report.mjs";

const CONTENDERS = ["ws", "portage", "link", "net"];
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

class Contender {
  constructor(name) {
    this.name = name;
    this.process = fork(here("servers/websocket.mjs"), [name], { execArgv: ["--expose-gc"] });
  }

  async start() {
    this.port = await this.#answer("ready");
    pinServer(this.process.pid);
    return this;
  }

  ask(question) {
    this.process.send({ question });
    return this.#answer(question);
  }

  async #answer(expected) {
    for (;;) {
      const [{ question, answer }] = await once(this.process, "message");
      if (question === expected) return answer;
    }
  }

  stop() {
    this.process.kill();
  }
}

/** Returns a frame with a mask other than zero, like real clients send, so that servers can't skip it. */
function frame(data, isCompressed = false) {
  const coded = isCompressed ? deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4) : data;
  const payload = Buffer.from(coded);
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = (typeof data === "string" ? 0x81 : 0x82) | (isCompressed ? 0x40 : 0);
  head[1] = 0x80 | (length < 126 ? length : length < 65_536 ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  const mask = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);
  for (let at = 0; at < length; at += 1) payload[at] ^= mask[at & 3];
  return Buffer.concat([head, mask, payload]);
}

const HANDSHAKE =
  "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/** Without context takeover, so that prepared messages can be sent repeatedly. */
const NO_TAKEOVER =
  "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n";

/** With context takeover for the server only, as the client's messages are prepared. */
const TAKEOVER = "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n";
const JSON_2K = JSON.stringify(Array.from({ length: 60 }, (_, id) => ({ id, name: `user ${id * 7}` })));
const NOT_THERE = { total: Number.NaN, user: Number.NaN };

/** A client that sends prepared bytes and counts the received ones. */
class ByteClient {
  received = 0;
  #target = 0;
  #done = () => {};

  static async open(contender, extensions = "") {
    const client = new ByteClient();
    client.socket = connect(contender.port, "127.0.0.1").setNoDelay(true);
    client.socket.on("data", (chunk) => client.#count(chunk.length));
    // A stopped contender resets its connections.
    client.socket.on("error", () => {});
    if (contender.name === "net") {
      await once(client.socket, "connect");
      return client;
    }
    client.socket.write(`${HANDSHAKE}${extensions}\r\n`);
    await once(client.socket, "data");
    client.received = 0;
    return client;
  }

  #count(bytes) {
    this.received += bytes;
    if (this.received >= this.#target) this.#done();
  }

  /** Sends a frame, and returns the size of the answer, which must arrive in one piece. */
  async sizeOfAnswer(bytes) {
    const chunk = once(this.socket, "data");
    this.socket.write(bytes);
    const [answer] = await chunk;
    const announced = answer[1] < 126 ? answer[1] + 2 : answer.readUInt16BE(2) + 4;
    if (announced !== answer.length) throw new Error("the answer is not one frame");
    return announced;
  }

  /** Sends, and waits for this number of bytes in answer. */
  exchange(bytes, expected) {
    this.received = 0;
    this.#target = expected;
    const done = new Promise((resolve) => (this.#done = resolve));
    this.socket.write(bytes);
    return done;
  }
}

async function openMany(contender, count, extensions) {
  const clients = [];
  while (clients.length < count) {
    const batch = Math.min(50, count - clients.length);
    clients.push(...(await Promise.all(Array.from({ length: batch }, () => ByteClient.open(contender, extensions)))));
  }
  return clients;
}

/** Microseconds per message: `depth` at once from each client, `turns` times. */
async function echo(contender, { clients, depth, turns, data }) {
  const all = await openMany(contender, clients);
  const one = frame(data);
  const bytes = Buffer.concat(Array.from({ length: depth }, () => one));
  // A server's frame has no mask; bare TCP echoes the client's frame.
  const expected = contender.name === "net" ? bytes.length : bytes.length - 4 * depth;
  const run = async (client) => {
    for (let turn = 0; turn < turns; turn += 1) await client.exchange(bytes, expected);
  };
  return cpuPer(contender, clients * depth * turns, () => Promise.all(all.map(run)));
}

/** Microseconds per operation, after one run to warm up. */
async function cpuPer(contender, operations, work) {
  await work();
  const before = await contender.ask("cpu");
  await work();
  const after = await contender.ask("cpu");
  return { total: (after.total - before.total) / operations, user: (after.user - before.user) / operations };
}

/** Microseconds per message, compressed in both directions. */
async function deflated(contender, extensions) {
  if (contender.name === "net") return NOT_THERE;
  const all = await openMany(contender, 20, extensions);
  const bytes = frame(JSON_2K, true);
  // With context takeover, the size of an answer is constant from the third on.
  let expected = 0;
  for (const client of all) for (let turn = 0; turn < 3; turn += 1) expected = await client.sizeOfAnswer(bytes);
  const run = async (client) => {
    for (let turn = 0; turn < 200; turn += 1) await client.exchange(bytes, expected);
  };
  return cpuPer(contender, 20 * 200, () => Promise.all(all.map(run)));
}

/** KiB of heap and external memory per connection; with `extensions`, after a compressed message in both directions. */
async function idle(contender, { count, extensions }) {
  if (contender.name === "net" && extensions !== "") return NOT_THERE;
  const bytes = frame(JSON_2K, true);
  const open = async (some) => {
    const all = await openMany(contender, some, extensions);
    if (extensions === "") return;
    for (const client of all) await client.sizeOfAnswer(bytes);
  };
  await open(20);
  const before = await contender.ask("heap");
  await open(count);
  return { total: ((await contender.ask("heap")) - before) / count / 1024, user: Number.NaN };
}

const rows = {
  small: {
    title: "echo, 100 clients, 16 bytes, one in flight",
    run: (contender) => echo(contender, { clients: 100, depth: 1, turns: 300, data: "sixteen bytes ok" }),
  },
  pipelined: {
    title: "echo, 50 clients, 16 bytes, 16 in flight",
    run: (contender) => echo(contender, { clients: 50, depth: 16, turns: 150, data: "sixteen bytes ok" }),
  },
  large: {
    title: "echo, 4 clients, 1 MiB binary",
    run: (contender) => echo(contender, { clients: 4, depth: 1, turns: 40, data: Buffer.alloc(1024 * 1024, 1) }),
  },
  deflate: {
    title: "echo, 20 clients, 2 KiB JSON, compressed",
    run: (contender) => deflated(contender, NO_TAKEOVER),
  },
  takeover: {
    title: "the same, with context takeover",
    run: (contender) => deflated(contender, TAKEOVER),
  },
  text: {
    title: "echo, 10 clients, 64 KiB text",
    run: (contender) => echo(contender, { clients: 10, depth: 1, turns: 60, data: "x".repeat(65_536) }),
  },
  idle: {
    title: "idle connection, heap in KiB",
    run: (contender) => idle(contender, { count: 2000, extensions: "" }),
  },
  "idle-deflate": {
    title: "the same, after a compressed message each",
    run: (contender) => idle(contender, { count: 200, extensions: NO_TAKEOVER }),
  },
  "idle-takeover": {
    title: "the same, with context takeover",
    run: (contender) => idle(contender, { count: 200, extensions: TAKEOVER }),
  },
};

async function measure(row) {
  const results = Object.fromEntries(CONTENDERS.map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const name of CONTENDERS) {
      const contender = await new Contender(name).start();
      try {
        results[name].push(await row.run(contender));
      } finally {
        contender.stop();
      }
    }
  }
  const part = (name, key) => median(results[name].map((result) => result[key]));
  return Object.fromEntries(CONTENDERS.map((name) => [name, { total: part(name, "total"), user: part(name, "user") }]));
}

const wanted = process.argv.slice(2);
const report = { rows: {} };
const cell = (value) => (Number.isNaN(value) ? "-" : value.toFixed(2)).padStart(9);
console.log(`Node ${process.version}, medians of ${ROUNDS} rounds; µs of server CPU per message, ratios to ws\n`);
console.log(`${"".padEnd(44)}${CONTENDERS.map((name) => name.padStart(9)).join("")}    ratio   (user)`);
for (const [name, row] of Object.entries(rows)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const result = await measure(row);
  report.rows[name] = result;
  const ratios = ["portage", "link"].map((one) => {
    const { total, user } = result[one];
    return `${one} ${(total / result.ws.total).toFixed(2)} (${(user / result.ws.user).toFixed(2)})`;
  });
  console.log(
    `${row.title.padEnd(44)}${CONTENDERS.map((one) => cell(result[one].total)).join("")}   ${ratios.join("  ")}`,
  );
}
const all = { ...saved("websocket")?.rows, ...report.rows };
const order = Object.keys(rows).filter((name) => all[name]);
save("websocket", ROUNDS, {
  rows: Object.fromEntries(order.map((name) => [name, { title: rows[name].title, ...all[name] }])),
});
process.exit();
