// Rows for messages over WebSocket.
import { cpuPer } from "./contender.mjs";
import { openMany, WireClient } from "./clients.mjs";
import { clientFrame, serverFrames } from "./frames.mjs";

const US = "µs";
const FLOORS = { floor: "net", others: ["engine.io", "ws"] };
/** The prepared answer of a floor: engine packets, and numbers for sizes of binary data in bytes. */
const real = (parts) => parts.map((part) => (typeof part === "number" ? Buffer.alloc(part, 1) : part));

/**
 * Events with acknowledgements, `depth` of them in flight; `exchange(id)` returns the sent and received packets.
 * Microseconds per event.
 */
async function echo(contender, { clients, depth, turns, exchange }) {
  const all = await openMany(WireClient, contender.port, clients);
  const exchanges = Array.from({ length: depth }, (_, id) => exchange(id));
  const sent = exchanges.flatMap(({ request }) => request.map((part) => clientFrame(part)));
  const bytes = Buffer.concat(sent);
  const floor = contender.name !== "socket.io" && contender.name !== "portage";
  // A floor sends the same answer to all requests.
  const answers = exchanges.map(({ answer }) => serverFrames(real(floor ? exchanges[0].answer : answer)).length);
  const expected = answers.reduce((sum, length) => sum + length, 0);
  if (floor) {
    const messages = exchanges[0].request.length;
    // With more in flight, ids have one digit or two.
    await contender.ask("answer", { bytes: Math.floor(bytes.length / depth), messages, parts: exchanges[0].answer });
  }
  const run = async (client) => {
    for (let turn = 0; turn < turns; turn += 1) await client.exchange(bytes, expected);
  };
  return cpuPer(contender, clients * depth * turns, () => Promise.all(all.map(run)));
}

const TEN = "x".repeat(10);
const small = (id) => ({ request: [`42${id}["echo","${TEN}"]`], answer: [`43${id}["${TEN}"]`] });
// Ids of two digits, so that all requests have the same size.
const pipelined = (id) => small(id + 10);

function text(size) {
  const data = "x".repeat(size);
  return () => ({ request: [`420["echo","${data}"]`], answer: [`430["${data}"]`] });
}

function binary(size) {
  const placeholder = '{"_placeholder":true,"num":0}';
  const request = [`451-0["echo",${placeholder}]`, Buffer.alloc(size, 1)];
  return () => ({ request, answer: [`461-0[${placeholder}]`, size] });
}

function bigRow(title, aim, { exchange, clients, turns }) {
  return {
    title,
    aim,
    unit: US,
    ...FLOORS,
    run: (contender) => echo(contender, { clients, depth: 1, turns, exchange }),
  };
}

const newsLength = (each) =>
  serverFrames(Array.from({ length: each }, (_, index) => `42["news","hello",${index}]`)).length;

/** Microseconds per delivery of a broadcast to all, `each` in one tick. */
async function broadcast(contender, { clients, each, turns }) {
  const all = await openMany(WireClient, contender.port, clients);
  const work = async () => {
    const done = all.map((client) => client.receive(turns * newsLength(each)));
    await contender.ask("broadcast", { count: turns, each });
    await Promise.all(done);
  };
  return cpuPer(contender, clients * each * turns, work);
}

/** Microseconds per delivery of broadcasts to ten rooms of ten, all in one tick. */
async function smallRooms(contender) {
  await contender.ask("spread", 10);
  const all = await openMany(WireClient, contender.port, 100);
  const turns = 500;
  const work = async () => {
    const done = all.map((client) => client.receive(turns * newsLength(1)));
    await contender.ask("rooms", turns);
    await Promise.all(done);
  };
  return cpuPer(contender, 100 * turns, work);
}

/** Microseconds per event without an acknowledgement. */
async function ingest(contender) {
  const all = await openMany(WireClient, contender.port, 10);
  const events = Array.from({ length: 999 }, () => clientFrame('42["in","hello"]'));
  const bytes = Buffer.concat([...events, clientFrame('420["echo",1]')]);
  const answer = ["430[1]"];
  if (contender.name !== "socket.io" && contender.name !== "portage") {
    await contender.ask("answer", { bytes: bytes.length, messages: 1000, parts: answer });
  }
  const run = async (client) => {
    for (let turn = 0; turn < 20; turn += 1) await client.exchange(bytes, serverFrames(answer).length);
  };
  return cpuPer(contender, 10 * 20 * 1000, () => Promise.all(all.map(run)));
}

export const messageRows = {
  echo: {
    title: "emit + ack, 100 clients, one in flight",
    aim: 0.65,
    unit: US,
    ...FLOORS,
    run: (contender) => echo(contender, { clients: 100, depth: 1, turns: 250, exchange: small }),
  },
  pipelined: {
    title: "emit + ack, 16 in flight",
    aim: 0.25,
    unit: US,
    ...FLOORS,
    run: (contender) => echo(contender, { clients: 50, depth: 16, turns: 80, exchange: pipelined }),
  },
  ingest: { title: "one-way client to server", aim: 0.42, unit: US, ...FLOORS, run: ingest },
  broadcast: {
    title: "broadcast to 1,000, one a turn",
    aim: 0.68,
    unit: "µs a delivery",
    ...FLOORS,
    run: (contender) => broadcast(contender, { clients: 1000, each: 1, turns: 40 }),
  },
  burst: {
    title: "broadcast to 1,000, 8 in one tick",
    aim: 0.12,
    unit: "µs a delivery",
    ...FLOORS,
    run: (contender) => broadcast(contender, { clients: 1000, each: 8, turns: 10 }),
  },
  rooms: {
    title: "broadcast to small rooms, 10 of 10 a turn",
    aim: 0.62,
    unit: "µs a delivery",
    ...FLOORS,
    run: smallRooms,
  },
  "binary-1k": bigRow("binary event + ack, 1 KiB", 0.42, { exchange: binary(1024), clients: 50, turns: 150 }),
  "binary-64k": bigRow("binary event + ack, 64 KiB", 0.4, { exchange: binary(65_536), clients: 10, turns: 150 }),
  "binary-1m": bigRow("binary event + ack, 1 MiB", 0.38, { exchange: binary(1 << 20), clients: 4, turns: 25 }),
  "text-64k": bigRow("text event + ack, 64 KiB", 0.68, { exchange: text(65_536), clients: 10, turns: 120 }),
  "text-1m": bigRow("text event + ack, 1 MiB", 0.75, { exchange: text(1 << 20), clients: 4, turns: 15 }),
};
