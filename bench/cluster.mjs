// What it costs that another process has the session: CPU and memory of all processes that take part, beside those of one process
// that has the session itself, in the same run.
//
//   npm run bench -- cluster              all rows
//   npm run bench -- cluster poll tunnel  only these rows
//
// Two nodes share a core, this process makes the load on the other one. "here" is at the node that has the session; "elsewhere" arrives
// at the other node, and counts both. A ratio is the median of the ratios of the rounds.
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { openMany, PollingClient, WireClient } from "./clients.mjs";
import { Contender, cpuOf, cpuPer, pinServer, Together } from "./contender.mjs";
import { clientFrame, serverFrames } from "./frames.mjs";
import { median, save, saved } from "./report.mjs";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Starts two nodes of a cluster and a process without one, and stops them after `work`. */
async function withNodes(work) {
  const directory = mkdtempSync(join(tmpdir(), "portage-bench-"));
  const all = [{ directory }, { directory }, {}].map((options) => new Contender("cluster", options));
  try {
    for (const one of all) await one.start();
    const [owner, front, lone] = all;
    for (let tries = 0; (await front.ask("nodes")) < 2 || (await owner.ask("nodes")) < 2; tries += 1) {
      if (tries > 100) throw new Error("the nodes do not find each other");
      await pause(50);
    }
    return await work({ owner, front, lone, both: new Together([owner, front]) });
  } finally {
    await Promise.all(all.map((one) => one.stop()));
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Starts a primary that passes sockets, with two workers. */
async function withPrimary(work) {
  const directory = mkdtempSync(join(tmpdir(), "portage-bench-"));
  const primary = new Contender("primary", { directory });
  try {
    await primary.start();
    for (let tries = 0; (await primary.ask("nodes")) < 2; tries += 1) {
      if (tries > 100) throw new Error("the workers do not find each other");
      await pause(50);
    }
    return await work(primary);
  } finally {
    await primary.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Opens clients whose session is at `owner`, and whose requests arrive at `front`. */
const through = (Client, owner, front) => ({ open: () => Client(owner.port, front.port) });
const polling = (port, front) => PollingClient.open(port, front);
const upgraded = (port, front) => WireClient.openUpgraded(port, front);

/** Microseconds of a poll that is held, and the POST whose answer ends it. */
async function cycle(measured, owner, front) {
  const all = await openMany(through(polling, owner, front), undefined, 32);
  const requests = all.map((client) => client.prepare('420["echo","x"]'));
  const run = async (client, index) => {
    for (let turn = 0; turn < 60; turn += 1) {
      const poll = client.poll();
      await client.post(requests[index]);
      await poll;
    }
  };
  const cpu = await cpuPer(measured, 32 * 60, () => Promise.all(all.map(run)));
  for (const client of all) client.destroy();
  return cpu;
}

/** Microseconds of a message and its acknowledgement, over a WebSocket that has replaced a poll. */
const echo = async (measured, owner, front) =>
  echoOf(measured, await openMany(through(upgraded, owner, front), undefined, 64));

/** Messages of each client in a measurement. */
const ECHOES = 200;

/** The same for open clients. */
async function echoOf(measured, all) {
  const cpu = await cpuPer(measured, all.length * ECHOES, () => echoes(all));
  for (const client of all) client.destroy();
  return cpu;
}

function echoes(all) {
  const bytes = clientFrame('420["echo","x"]');
  const expected = serverFrames(['430["x"]']).length;
  const run = async (client) => {
    for (let turn = 0; turn < ECHOES; turn += 1) await client.exchange(bytes, expected);
  };
  return Promise.all(all.map(run));
}

/** KiB of heap that each client costs a process. */
async function heapOf(measured, count, open) {
  const keep = [...(await openMany({ open }, undefined, 200))];
  await pause(200);
  const before = await Promise.all(measured.map((one) => one.ask("memory")));
  keep.push(...(await openMany({ open }, undefined, count)));
  await pause(200);
  const after = await Promise.all(measured.map((one) => one.ask("memory")));
  for (const client of keep) client.destroy();
  await pause(500);
  return after.map(({ heap }, index) => (heap - before[index].heap) / count / 1024);
}

async function heldPoll(owner, front) {
  const client = await PollingClient.open(owner.port, front.port);
  void client.poll();
  return client;
}

/**
 * Compares heap: what the client costs both nodes if its requests arrive elsewhere, and the owner if they arrive there. `more` is
 * the difference. At the front, a request that Node holds costs 4.1 KiB by itself, connection and parser included.
 */
async function heap({ owner, front }, count, open) {
  const [here] = await heapOf([owner], count, () => open(owner, owner));
  const [atOwner, atFront] = await heapOf([owner, front], count, () => open(owner, front));
  const elsewhere = atOwner + atFront;
  return { here, elsewhere, more: elsewhere - here, owner: atOwner, front: atFront };
}

async function compare({ owner, front, both }, measure) {
  const { value: here } = await measure(owner, owner, owner);
  const { value: elsewhere } = await measure(both, owner, front);
  return { here, elsewhere, ratio: elsewhere / here };
}

/** The same work at a process without a cluster, and at a node. */
async function compareWithout({ lone, owner }, measure) {
  const { value: here } = await measure(lone, lone, lone);
  const { value: elsewhere } = await measure(owner, owner, owner);
  return { here, elsewhere, ratio: elsewhere / here };
}

/** Takes the turn of a worker: it refuses the connection, since this is not HTTP, and is ready for another one. */
const skipWorker = (port) =>
  new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.once("error", () => {}).once("close", resolve);
    socket.resume().write("?\r\n\r\n");
  });

/**
 * The primary gives connections to its two workers in turn. So the WebSocket of a client that opens two connections reaches the
 * other worker and is passed; with a skipped one after each of them it reaches the worker of its session.
 */
const clientOfWorker = {
  other: (port) => WireClient.openUpgraded(port),
  same: async (port) => {
    const client = await WireClient.openUpgraded(port, port, () => skipWorker(port));
    await skipWorker(port);
    return client;
  },
};

/** All sessions are at one worker, and both kinds of sockets are open all the time: only the one that talks differs. */
async function passed(primary) {
  for (const pid of await primary.ask("pids")) pinServer(pid);
  const sets = {};
  for (const [kind, open] of Object.entries(clientOfWorker)) sets[kind] = await openMany({ open }, primary.port, 64, 1);
  const [tunnels, sessions] = [await primary.ask("tunnels"), await primary.ask("sessions")];
  if (tunnels > 0) throw new Error(`${tunnels} ends of tunnels: the sockets were not passed`);
  if (Math.max(...sessions) !== 128) throw new Error(`the workers have ${sessions} sessions, instead of one all`);
  await cpuPer(primary, 1, () => Promise.all([echoes(sets.same), echoes(sets.other)]));
  const spent = { same: 0, other: 0 };
  for (const kind of ["same", "other", "other", "same", "same", "other", "other", "same"])
    spent[kind] += (await cpuOf(primary, 64 * ECHOES * 4, () => echoes(sets[kind]))).value;
  for (const client of Object.values(sets).flat()) client.destroy();
  const { same: here, other: elsewhere } = spent;
  return { here, elsewhere, ratio: elsewhere / here };
}

const US = "µs";
const rows = {
  poll: {
    title: "held poll and POST, forwarded",
    unit: US,
    limits: { ratio: 2.2 },
    run: (nodes) => compare(nodes, cycle),
  },
  tunnel: {
    title: "echo over a WebSocket, tunnelled",
    unit: US,
    limits: { ratio: 2.2 },
    run: (nodes) => compare(nodes, echo),
  },
  passed: {
    title: "echo over a WebSocket whose socket was passed",
    unit: US,
    limits: { ratio: 1.05 },
    start: withPrimary,
    run: passed,
  },
  "local-poll": {
    title: "held poll and POST, without and with `cluster`",
    unit: US,
    limits: { ratio: 1.01 },
    run: (nodes) => compareWithout(nodes, cycle),
  },
  "local-echo": {
    title: "echo over a WebSocket, without and with `cluster`",
    unit: US,
    limits: { ratio: 1.01 },
    run: (nodes) => compareWithout(nodes, echo),
  },
  "held-poll": {
    title: "held poll, forwarded: heap",
    unit: "KiB",
    limits: { more: 2.5 },
    run: (nodes) => heap(nodes, 3000, heldPoll),
  },
  "idle-tunnel": {
    title: "idle WebSocket, tunnelled: heap at the front",
    unit: "KiB",
    limits: { front: 2.5 },
    run: (nodes) => heap(nodes, 3000, (owner, front) => upgraded(owner.port, front.port)),
  },
};

async function measure({ run, start = withNodes, ...row }) {
  const rounds = [];
  while (rounds.length < ROUNDS) rounds.push(await start(run));
  const figures = Object.fromEntries(
    Object.keys(rounds[0]).map((name) => [name, median(rounds.map((round) => round[name]))]),
  );
  const isMet = Object.entries(row.limits).every(([name, limit]) => figures[name] <= limit);
  return { ...row, figures, rounds, isMet, load: loadavg()[0] };
}

const wanted = process.argv.slice(2);
const cell = (value) => (value === undefined ? "-" : value.toFixed(2)).padStart(10);
console.log(`Node ${process.version}, medians of ${ROUNDS} rounds; processes that take part, user + system\n`);
console.log(
  `${"".padEnd(52)}${["here", "elsewhere", "ratio", "more", "owner", "front"].map((name) => name.padStart(10)).join("")}`,
);
const results = { ...saved("cluster")?.rows };
for (const [name, row] of Object.entries(rows)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const result = await measure(row);
  results[name] = result;
  save("cluster", ROUNDS, { rows: results });
  const { here, elsewhere, ratio, more, owner, front } = result.figures;
  const aim = Object.entries(row.limits)
    .map(([limited, limit]) => `${limited} ≤ ${limit}`)
    .join(", ");
  const cells = [here, elsewhere, ratio, more, owner, front].map(cell).join("");
  console.log(
    `${row.title.padEnd(52)}${cells} ${result.isMet ? " " : "!"} ${aim}  ${row.unit}, load ${result.load.toFixed(1)}`,
  );
}
process.exit();
