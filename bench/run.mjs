// Portage compared with socket.io, interleaved in one run: server CPU per operation, memory, latency.
//
//   npm run bench                 the table of docs/performance.md
//   npm run bench -- echo rooms   only these rows; replaces their last results
//   npm run bench -- parser       the codec, compared with socket.io-parser and JSON
//   npm run bench -- tails        latency at a fixed load, and how long the event loop is blocked
//   npm run bench -- growth       cost of operations by the number of things; draws docs/growth.svg
//   npm run bench -- websocket    @portage/websocket, compared with ws
//   npm run bench -- sse          server-sent events, compared with WebSocket
//   npm run bench -- cluster      what it costs that another process has the session
//   npm run bench -- redis        several nodes with one Redis, compared with the adapters of socket.io
//   npm run bench -- compare main the working tree, compared with a commit
//   npm run bench -- toggle       what the probe of the live page costs, within one process
//   npm run bench -- viewer       what an open page of the live page costs
//   npm run bench -- collection   how long the collection of garbage that the live page starts holds the loop up
//   npm run bench -- tracing      what a subscriber of the channel of events costs
//   npm run bench -- docs         writes the last results into docs/performance.md
//
// BENCH_ROUNDS: number of rounds, for the median (default 3). BENCH_FLOORS=all: engine.io and ws too, if they support the work.
// BENCH_PROFILE=dir: CPU profiles of the servers.
//
// Each contender is a process on one core; this process makes the load on the other core, over loopback, with
// prepared bytes. Figures are the server's user + system time as the operating system accounts for it.
import { Contender } from "./contender.mjs";
import { printHead, printRow, rowOf, save, saved, summary } from "./report.mjs";
import { messageRows } from "./rows-messages.mjs";
import { sessionRows } from "./rows-sessions.mjs";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const rows = { ...messageRows, ...sessionRows };
const jobs = [
  "compare",
  "toggle",
  "viewer",
  "collection",
  "tracing",
  "parser",
  "tails",
  "growth",
  "websocket",
  "sse",
  "cluster",
  "redis",
  "docs",
];

async function measure(row) {
  const others = process.env.BENCH_FLOORS === "all" ? (row.others ?? []) : [];
  const names = ["socket.io", "portage", ...(row.floor ? [row.floor] : []), ...others];
  const rounds = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const name of names) {
      const contender = await new Contender(name, row.options).start();
      try {
        rounds[name].push(await row.run(contender));
      } finally {
        await contender.stop();
      }
    }
  }
  return rowOf(row, Object.fromEntries(names.map((name) => [name, summary(rounds[name])])));
}

async function table(wanted) {
  const unknown = wanted.filter((name) => !Object.hasOwn(rows, name));
  if (unknown.length > 0) {
    console.error(
      `no such row: ${unknown.join(", ")}\nthere are: ${Object.keys(rows).join(", ")}\nand: ${jobs.join(", ")}`,
    );
    process.exit(1);
  }
  printHead(ROUNDS);
  const results = { ...saved("latest")?.rows };
  for (const [name, row] of Object.entries(rows)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    results[name] = await measure(row);
    printRow(results[name]);
    // In the order of the table, not of the measurements.
    const order = Object.keys(rows).filter((one) => results[one]);
    save("latest", ROUNDS, { rows: Object.fromEntries(order.map((one) => [one, results[one]])) });
  }
}

const [first, ...rest] = process.argv.slice(2);
if (jobs.includes(first)) {
  process.argv.splice(2, Infinity, ...rest);
  await import(`./${first}.mjs`);
} else await table(process.argv.slice(2));
process.exit();
