// What a broadcast costs several nodes and the Redis that they share, beside socket.io with its adapters in the same run; and what
// Redis stores.
//
//   npm run bench -- redis               all
//   npm run bench -- redis slow records  only this load, and the memory of a session
//
// Three nodes and Redis share a core, this process reads on the other one. Five sockets on three nodes are in a room, to which the
// first node emits. A ratio is the median of the ratios of the rounds. Needs redis-server on the path.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createClient } from "redis";
import { WireClient } from "./clients.mjs";
import { Contender, cpuOf, pinServer, Together } from "./contender.mjs";
import { clientFrame } from "./frames.mjs";
import { median, save, saved } from "./report.mjs";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const NODES = 3;
const SOCKETS = 5;
const ROOM = "room 0";
/** Sessions that are open while the memory for them is measured. */
const SESSIONS = 1000;

/** Slow loads last so long that compiling, which V8 does meanwhile, hardly counts. */
const LOADS = {
  slow: { title: "200 events a second", count: 4000, each: 1, gap: 5 },
  fast: { title: "2,000 events a second", count: 10_000, each: 10, gap: 5 },
};
const KINDS = {
  streams: "socket.io, redis-streams-adapter",
  portage: "Portage, with recovery",
  classic: "socket.io, redis-adapter",
  links: "Portage, without recovery",
};

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A Redis that stores nothing on disk. */
class RedisServer {
  static async start() {
    const server = new RedisServer();
    const port = await freePort();
    server.url = `redis://127.0.0.1:${port}`;
    const args = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    server.process = spawn("redis-server", args, { stdio: ["ignore", "pipe", "inherit"] });
    await once(server.process, "spawn");
    for await (const text of server.process.stdout) if (String(text).includes("Ready to accept")) break;
    pinServer(server.process.pid);
    server.client = await createClient({ url: server.url }).connect();
    return server;
  }

  async #fact(section, ...names) {
    const info = await this.client.info(section);
    return names.reduce((sum, name) => sum + Number(new RegExp(`^${name}:(.*)$`, "m").exec(info)[1]), 0);
  }

  /** As a contender does. */
  async ask() {
    const total = 1e6 * (await this.#fact("cpu", "used_cpu_user", "used_cpu_sys"));
    return { user: 0, total };
  }

  async #keys() {
    const keys = [];
    for await (const key of this.client.scanIterator({ COUNT: 1000 })) keys.push(key);
    return keys;
  }

  /** Bytes of all keys. */
  async bytes() {
    const sizes = (await this.#keys()).map((key) => this.client.memoryUsage(key, { SAMPLES: 0 }));
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  }

  /** Bytes of an entry of a stream. */
  async entryBytes() {
    let [bytes, entries] = [0, 0];
    for (const key of await this.#keys()) {
      if ((await this.client.type(key)) !== "stream") continue;
      bytes += await this.client.memoryUsage(key, { SAMPLES: 0 });
      entries += await this.client.xLen(key);
    }
    return entries === 0 ? 0 : bytes / entries;
  }

  async version() {
    return /^redis_version:(.*)$/m.exec(await this.client.info("server"))[1].trim();
  }

  async stop() {
    await this.client.disconnect();
    this.process.kill("SIGTERM");
    await once(this.process, "exit");
  }
}

/** Starts the nodes with a Redis of their own, and stops all after `work`. */
async function withNodes(kind, work) {
  const redis = await RedisServer.start();
  const nodes = Array.from({ length: NODES }, () => new Contender("redis", { kind, url: redis.url }));
  try {
    for (const node of nodes) await node.start();
    for (let tries = 0; ; tries += 1) {
      const counts = await Promise.all(nodes.map((node) => node.ask("nodes")));
      if (counts.every((count) => count === NODES)) break;
      if (tries > 200) throw new Error(`${kind}: the nodes do not find each other`);
      await pause(50);
    }
    return await work({ redis, nodes });
  } finally {
    await Promise.all(nodes.map((node) => node.stop()));
    await redis.stop();
  }
}

/** A client of the main namespace, which counts its events. */
class Listener {
  #client;
  #heard = 0;
  #wanted = Infinity;
  #done = () => {};

  static async open(port) {
    const listener = new Listener();
    listener.#client = new WireClient(port);
    await listener.#client.frame();
    listener.#client.write(clientFrame("40"));
    await listener.#client.frame();
    void listener.#read();
    return listener;
  }

  /** Resolves once this number of events has arrived from now on. */
  next(count) {
    this.#heard = 0;
    this.#wanted = count;
    return new Promise((resolve) => (this.#done = resolve));
  }

  async #read() {
    for (;;) {
      const packet = await this.#client.frame();
      if (!packet.startsWith("42")) continue;
      this.#heard += 1;
      if (this.#heard === this.#wanted) this.#done();
    }
  }
}

const openListeners = (nodes, count) =>
  Promise.all(Array.from({ length: count }, (_, index) => Listener.open(nodes[index % NODES].port)));

/** Microseconds of all nodes and of Redis for an event; bytes of Redis for an entry of the history. */
async function broadcast({ redis, nodes }, load) {
  await Promise.all(nodes.map((node) => node.ask("spread", 1)));
  const clients = await openListeners(nodes, SOCKETS);
  const run = async (load) => {
    const heard = clients.map((client) => client.next(load.count));
    await nodes[0].ask("emit", { ...load, room: ROOM });
    await Promise.all(heard);
  };
  // The streams adapter misses what is sent before its first read has begun.
  const first = clients.map((client) => client.next(1));
  const early = nodes[0].ask("emit", { count: 50, each: 1, gap: 20, room: ROOM });
  await Promise.all([early, ...first]);
  await pause(1000);
  await run(LOADS.fast);
  const start = await redis.ask();
  const { value } = await cpuOf(new Together(nodes), load.count, () => run(load));
  const end = await redis.ask();
  const ofRedis = (end.total - start.total) / load.count;
  return { nodes: value, redis: ofRedis, sum: value + ofRedis, entry: await redis.entryBytes() };
}

/** Bytes of Redis for an open session. */
async function stored({ redis, nodes }) {
  await Promise.all(nodes.map((node) => node.ask("spread", 1)));
  await openListeners(nodes, NODES);
  await pause(1000);
  const before = await redis.bytes();
  for (let opened = 0; opened < SESSIONS; opened += 50) await openListeners(nodes, 50);
  await pause(1000);
  return ((await redis.bytes()) - before) / SESSIONS;
}

/** Measures the kinds in turn, so that they see the same machine. */
async function measure(load) {
  const rounds = [];
  while (rounds.length < ROUNDS) {
    const round = {};
    for (const kind of Object.keys(KINDS)) round[kind] = await withNodes(kind, (all) => broadcast(all, load));
    rounds.push(round);
  }
  const of = (kind, name) => median(rounds.map((round) => round[kind][name]));
  const ratio = (kind) => median(rounds.map((round) => round[kind].sum / round.streams.sum));
  const figures = Object.fromEntries(
    Object.keys(KINDS).map((kind) => [
      kind,
      {
        nodes: of(kind, "nodes"),
        redis: of(kind, "redis"),
        sum: of(kind, "sum"),
        entry: of(kind, "entry"),
        ratio: ratio(kind),
      },
    ]),
  );
  return { title: load.title, figures, rounds };
}

const wanted = process.argv.slice(2);
const isWanted = (name) => wanted.length === 0 || wanted.includes(name);
const server = await RedisServer.start();
const redis = await server.version();
await server.stop();
const results = { loads: {}, ...saved("redis"), redis, kinds: KINDS };

console.log(`Node ${process.version}, Redis ${redis}, medians of ${ROUNDS} rounds; user + system\n`);
for (const [name, load] of Object.entries(LOADS)) {
  if (!isWanted(name)) continue;
  results.loads[name] = await measure(load);
  save("redis", ROUNDS, results);
  console.log(`${load.title} to a room of ${SOCKETS} sockets on ${NODES} nodes, µs an event`);
  console.log(
    `${"".padEnd(34)}${["nodes", "Redis", "sum", "ratio", "a second", "bytes an entry"].map((text) => text.padStart(16)).join("")}`,
  );
  for (const [kind, figures] of Object.entries(results.loads[name].figures)) {
    const cells = [figures.nodes, figures.redis, figures.sum, figures.ratio].map((figure) => figure.toFixed(2));
    cells.push((1e6 / figures.redis).toFixed(0), figures.entry.toFixed(0));
    console.log(`${KINDS[kind].padEnd(34)}${cells.map((cell) => cell.padStart(16)).join("")}`);
  }
  console.log("");
}
if (isWanted("records")) {
  results.record = await withNodes("portage", stored);
  save("redis", ROUNDS, results);
  console.log(`bytes of Redis for an open session: ${results.record.toFixed(0)}`);
}
process.exit();
