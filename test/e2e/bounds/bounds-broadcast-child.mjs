// Run by bounds-broadcast.test.ts with --expose-gc: one server, very many clients in memory, a few without reading.
import { IncomingMessage } from "node:http";
import { Socket as TcpSocket } from "node:net";
import { Duplex } from "node:stream";
import { Server } from "@portage/server";
import { Server as Engine } from "@portage/server/engine";

const [clients, rounds, bytes, slowReader] = JSON.parse(process.argv[2]);
const engine = new Engine({ slowReader, pingInterval: 600_000 });
const io = new Server({ serveClient: false });
io.bind(engine);

const TEXT = "x".repeat(bytes);
const turn = () => new Promise((resolve) => setImmediate(resolve));
/** A text frame of a client, masked with zero. */
const frame = (text) => Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);
const payloadOf = (round) => `42["news",${round},"${TEXT}"]`;

/** The peer of a connection. It checks received bytes one by one, unless it does not read. */
class Wire extends Duplex {
  isReading = true;
  /** Counts broadcast frames in order, and frames out of order or of another kind after the first. */
  received = 0;
  mistakes = 0;
  #waiting;

  constructor() {
    super({ read() {}, write: (chunk, _encoding, done) => this.accept(chunk, done) });
  }

  accept(chunk, done) {
    if (!this.isReading) {
      this.#waiting = () => this.accept(chunk, done);
      return;
    }
    this.take(chunk);
    setImmediate(() => done());
  }

  take(chunk) {
    let at = 0;
    while (at < chunk.length) {
      if (chunk[at] !== 0x81) return;
      const isLong = chunk[at + 1] === 126;
      const start = at + (isLong ? 4 : 2);
      const end = start + (isLong ? chunk.readUInt16BE(at + 2) : chunk[at + 1]);
      if (isLong) this.onBroadcast(chunk, start, end);
      at = end;
    }
  }

  onBroadcast(chunk, start, end) {
    const expected = EXPECTED[this.received];
    if (expected.length === end - start && chunk.compare(expected, 0, expected.length, start, end) === 0)
      this.received += 1;
    else this.mistakes += 1;
  }

  wake() {
    this.isReading = true;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }
}

const EXPECTED = Array.from({ length: rounds + 1 }, (_, round) => Buffer.from(payloadOf(round)));
const tcp = new TcpSocket();
const headers = {
  host: "a",
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

function open() {
  const wire = new Wire();
  const req = new IncomingMessage(tcp);
  Object.assign(req, { httpVersion: "1.1", method: "GET", url: "/engine.io/?EIO=4&transport=websocket", headers });
  engine.handleUpgrade(req, wire, Buffer.alloc(0));
  wire.push(frame("40"));
  return wire;
}

const sockets = [];
io.on("connection", (socket) => sockets.push(socket));
const wires = Array.from({ length: clients }, open);
while (sockets.length < clients) await turn();
await turn();

// Three clients that do not read, each with its own policy.
const POLICIES = ["keep", "drop-newest", "disconnect"];
const dead = POLICIES.map((policy, at) => {
  const index = Math.floor((clients / 4) * (at + 1));
  wires[index].isReading = false;
  sockets[index].slowPolicy = policy;
  const report = { policy, wire: wires[index], socket: sockets[index], endedAt: undefined };
  sockets[index].on("disconnect", () => (report.endedAt = round));
  return report;
});

/** Resolves once all reading clients have received this number. */
async function caughtUp(count) {
  for (const wire of wires) while (wire.isReading && wire.received < count && wire.mistakes === 0) await turn();
}

const memory = async () => {
  // The last writes are called back for.
  for (let count = 0; count < 5; count += 1) await turn();
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

/** Rounds before the count begins: connections allocate memory other than queues when they are first written to. */
const WARM_UP = 10;
let before = 0;
let most = 0;
let mostQueued = 0;
let round = 0;
for (; round < rounds; round += 1) {
  io.emit("news", round, TEXT);
  await turn();
  mostQueued = Math.max(mostQueued, engine.report().bytes.waiting);
  if (round % 10 !== 9) continue;
  await caughtUp(round + 1);
  if (round < WARM_UP) before = await memory();
  else most = Math.max(most, (await memory()) - before);
}
const waiting = engine.report().bytes.waiting;

for (const { wire } of dead) wire.wake();
for (let count = 0; count < 10; count += 1) await turn();

const others = wires.filter((wire) => !dead.some((one) => one.wire === wire));
process.send({
  most,
  mostQueued,
  waiting,
  report: engine.report(),
  inOrder: others.filter((wire) => wire.received === rounds && wire.mistakes === 0).length,
  dead: dead.map(({ policy, socket, endedAt, wire }) => ({
    policy,
    endedAt,
    connected: socket.connected,
    dropped: socket.droppedEvents,
    received: wire.received,
    mistakes: wire.mistakes,
    code: socket.closeReason?.code,
    limit: socket.closeReason?.limit,
    actual: socket.closeReason?.actual,
  })),
});
process.on("disconnect", () => process.exit());
