// Latency at a fixed load, measured by clients, and how long one big operation blocks a server's event loop.
import { Contender } from "./contender.mjs";
import { openMany, PollingClient, WireClient } from "./clients.mjs";
import { clientFrame, serverFrames } from "./frames.mjs";
import { median, save } from "./report.mjs";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const NAMES = ["socket.io", "portage"];
const at = (sorted, part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];

/** Milliseconds from event to acknowledgement: 200 clients, 4 events per millisecond, regardless of the server's pace. */
async function latency(contender) {
  const clients = await openMany(WireClient, contender.port, 200);
  const bytes = clientFrame('420["echo","xxxxxxxxxx"]');
  const expected = serverFrames(['430["xxxxxxxxxx"]']).length;
  const times = [];
  const busy = new Set();
  const one = async (client) => {
    if (busy.has(client)) return;
    busy.add(client);
    const begin = performance.now();
    await client.exchange(bytes, expected);
    times.push(performance.now() - begin);
    busy.delete(client);
  };
  const run = async (ms) => {
    const begin = performance.now();
    let sent = 0;
    while (performance.now() - begin < ms) {
      const due = Math.floor((performance.now() - begin) * 4);
      for (; sent < due; sent += 1) void one(clients[sent % clients.length]);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await run(1500);
  times.length = 0;
  await run(2500);
  const sorted = times.toSorted((a, b) => a - b);
  return { p50: at(sorted, 0.5), p99: at(sorted, 0.99) };
}

/** Measures the milliseconds of the server's longest tick during `work`. */
async function longestTurn(contender, work) {
  await contender.ask("watchLoop");
  await new Promise((resolve) => setTimeout(resolve, 50));
  await work();
  await new Promise((resolve) => setTimeout(resolve, 200));
  return { turn: await contender.ask("longestTurn") };
}

/** A payload of 1 MB. A server may refuse it, as only the delay of others counts. */
async function tinyPackets(contender, packet) {
  const client = await PollingClient.open(contender.port);
  const count = Math.floor(1_000_000 / (packet.length + 1));
  const request = client.prepare(Array.from({ length: count }, () => packet).join("\x1e"));
  return longestTurn(contender, () => client.post(request));
}

async function broadcast(contender, count) {
  const clients = await openMany(WireClient, contender.port, count);
  const size = serverFrames(['42["news","hello",0]']).length;
  return longestTurn(contender, async () => {
    const done = clients.map((client) => client.receive(size));
    await contender.ask("broadcast", { count: 1, each: 1 });
    await Promise.all(done);
  });
}

const rows = {
  latency: { title: "event + ack at 4,000 a second, ms", run: latency },
  events: { title: "1 MB of tiny events in one POST, ms", run: (contender) => tinyPackets(contender, '42["a"]') },
  pongs: { title: "1 MB of pongs in one POST, ms", run: (contender) => tinyPackets(contender, "3") },
  broadcast: { title: "broadcast to 8,000 over TCP, ms", run: (contender) => broadcast(contender, 8000) },
};

async function measure(row) {
  const rounds = Object.fromEntries(NAMES.map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const name of NAMES) {
      const contender = await new Contender(name, { maxHttpBufferSize: 2_000_000 }).start();
      try {
        rounds[name].push(await row.run(contender));
      } finally {
        await contender.stop();
      }
    }
  }
  const figure = (name, key) => median(rounds[name].map((round) => round[key]));
  const keys = Object.keys(rounds.portage[0]);
  return Object.fromEntries(
    NAMES.map((name) => [name, Object.fromEntries(keys.map((key) => [key, figure(name, key)]))]),
  );
}

const wanted = process.argv.slice(2);
const text = (figures) =>
  Object.entries(figures)
    .map(([key, value]) => `${key} ${value.toFixed(2)}`)
    .join("  ");
console.log(`medians of ${ROUNDS} rounds; "turn" is the longest time that the event loop was held up\n`);
const results = {};
for (const [name, row] of Object.entries(rows)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const figures = await measure(row);
  results[name] = { title: row.title, ...figures };
  console.log(`${row.title.padEnd(40)}${NAMES.map((one) => `${one}: ${text(figures[one])}`.padEnd(40)).join("")}`);
}
if (wanted.length === 0) save("tails", ROUNDS, { rows: results });
