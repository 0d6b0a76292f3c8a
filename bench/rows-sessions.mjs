// Rows for polling, connecting, idling and memory.
import { cpuOf, cpuPer, WARM_UP } from "./contender.mjs";
import { openMany, PollingClient, WireClient } from "./clients.mjs";
import { clientFrame, serverFrames } from "./frames.mjs";

const US = "µs";
const isFloor = ({ name }) => name !== "socket.io" && name !== "portage";
const open = (Client, port, count) => Promise.all(Array.from({ length: count }, () => Client.open(port)));
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** Microseconds per packet in POSTs of this number, including polls for the acknowledgements. */
async function polled(contender, { clients, packets, turns }) {
  const all = await openMany(PollingClient, contender.port, clients);
  const parts = Array.from({ length: packets }, (_, id) => `43${id}["x"]`);
  if (isFloor(contender)) await contender.ask("answer", { parts });
  const body = Array.from({ length: packets }, (_, id) => `42${id}["echo","x"]`).join("\x1e");
  const requests = all.map((client) => client.prepare(body));
  const run = async (client, index) => {
    for (let turn = 0; turn < turns; turn += 1) await client.exchange(requests[index], packets);
  };
  return cpuPer(contender, clients * packets * turns, () => Promise.all(all.map(run)));
}

/** Microseconds per delivery to a waiting poll, including the next poll. */
async function polledBroadcast(contender) {
  const all = await openMany(PollingClient, contender.port, 1000);
  const turns = 10;
  let waiting = all.map((client) => client.poll());
  const work = async () => {
    for (let turn = 0; turn < turns; turn += 1) {
      await contender.ask("broadcast", { count: 1, each: 1 });
      await Promise.all(waiting);
      waiting = all.map((client) => client.poll());
    }
  };
  return cpuPer(contender, 1000 * turns, work);
}

async function connect(contender) {
  const work = async () => {
    for (let batch = 0; batch < 60; batch += 1) {
      const clients = await open(WireClient, contender.port, 50);
      await Promise.all(clients.map((client) => client.close()));
    }
    await contender.ask("gone");
  };
  return cpuPer(contender, 3000, work);
}

/** Connects and upgrades like a browser: polls, probes, waits for the poll to end, commits. Returns milliseconds. */
async function upgradeOne(port) {
  const begin = performance.now();
  const polling = await PollingClient.open(port);
  const poll = polling.poll();
  const socket = new WireClient(port, `&sid=${polling.sid}`);
  socket.write(clientFrame("2probe"));
  await socket.frame();
  await poll;
  socket.write(clientFrame("5"));
  socket.write(clientFrame('420["echo",1]'));
  await socket.frame();
  const took = performance.now() - begin;
  await socket.close();
  polling.destroy();
  return took;
}

async function upgrade(contender) {
  const times = [];
  const runs = async () => {
    for (let turn = 0; turn < 50; turn += 1) times.push(await upgradeOne(contender.port));
  };
  const cpu = await cpuPer(contender, 20 * 50, async () => {
    times.length = 0;
    await Promise.all(Array.from({ length: 20 }, runs));
    await contender.ask("gone");
  });
  return { ...cpu, p50: median(times) };
}

/** Microseconds per client for 5,000 that connect at once, after 1,000 others. */
async function storm(contender) {
  for (const client of await open(WireClient, contender.port, 1000)) client.destroy();
  await contender.ask("gone");
  let all = [];
  const cpu = await cpuOf(contender, 5000, async () => (all = await open(WireClient, contender.port, 5000)));
  for (const client of all) client.destroy();
  return cpu;
}

/** Microseconds per ping and its pong. */
async function heartbeat(contender) {
  const count = { pings: 0 };
  const pong = clientFrame("3");
  const pingSize = serverFrames(["2"]).length;
  const Answering = {
    async open(port) {
      const client = await WireClient.open(port);
      client.answerEach(pingSize, pong, count);
    },
  };
  await openMany(Answering, contender.port, 1000);
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  await pause(WARM_UP);
  const before = count.pings;
  const { value, user } = await cpuOf(contender, 1, () => pause(2500));
  const pings = count.pings - before;
  return { value: value / pings, user: user / pings };
}

/**
 * KiB of heap and of resident memory per idle client. The number is large, so that the young generation of V8, which
 * has its size whatever it contains, does not matter.
 */
async function idle(contender, { Client, count, polls }) {
  const keep = (clients) => polls && clients.forEach((client) => void client.poll());
  keep(await openMany(Client, contender.port, 200));
  const before = await contender.ask("memory");
  keep(await openMany(Client, contender.port, count));
  const after = await contender.ask("memory");
  return { value: (after.heap - before.heap) / count / 1024, rss: (after.rss - before.rss) / count / 1024 };
}

/** MB of resident memory for 200 MB sent to a client that does not read. */
async function slowReader(contender) {
  const client = await WireClient.open(contender.port);
  client.stall();
  return (await contender.ask("burst", { count: 200, size: 1_000_000 })) / 1e6;
}

export const sessionRows = {
  polling: {
    title: "long-polling, 1 POST + 1 GET",
    aim: 0.55,
    unit: US,
    floor: "http",
    run: (contender) => polled(contender, { clients: 30, packets: 1, turns: 300 }),
  },
  "polling-50": {
    title: "long-polling, 50 packets a payload",
    aim: 0.52,
    unit: "µs a packet",
    floor: "http",
    run: (contender) => polled(contender, { clients: 20, packets: 50, turns: 60 }),
  },
  "polling-broadcast": {
    title: "broadcast to 1,000 polling clients",
    aim: 0.72,
    unit: "µs a delivery",
    floor: "http",
    run: polledBroadcast,
  },
  connect: {
    title: "connect + namespace + close, WebSocket",
    aim: 0.4,
    unit: US,
    floor: "upgrade",
    others: ["engine.io", "ws", "net"],
    run: connect,
  },
  upgrade: { title: "connect, poll, upgrade, close", aim: 0.45, limits: { p50: 40 }, unit: US, run: upgrade },
  storm: {
    title: "5,000 clients reconnect at once",
    aim: 0.45,
    unit: US,
    floor: "upgrade",
    others: ["ws", "net"],
    run: storm,
  },
  heartbeat: {
    title: "heartbeat of an idle client",
    aim: 0.4,
    unit: "µs a ping + pong",
    floor: "net",
    options: { pingInterval: 150, pingTimeout: 600_000 },
    run: heartbeat,
  },
  idle: {
    title: "idle WebSocket client: heap",
    limits: { value: 3.5, rss: 8 },
    unit: "KiB",
    floor: "net",
    others: ["engine.io", "ws"],
    run: (contender) => idle(contender, { Client: WireClient, count: 9000, polls: false }),
  },
  "idle-polling": {
    title: "idle polling client: heap",
    limits: { value: 6.5, rss: 13 },
    unit: "KiB",
    floor: "http",
    run: (contender) => idle(contender, { Client: PollingClient, count: 6000, polls: true }),
  },
  "slow-reader": {
    title: "a client that never reads, 200 MB: RSS",
    limits: { value: 5 },
    unit: "MB",
    floor: "net",
    run: slowReader,
  },
};
