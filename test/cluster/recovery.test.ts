import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import { io as connect, type Socket } from "socket.io-client";
import { afterAll, expect, test } from "vitest";
import { Random } from "../support/random.ts";
import { startRedis } from "../support/servers/redis.ts";
import { Inbox, nextEvent } from "../support/waiting.ts";
import { until } from "../e2e/cluster/nodes.ts";
import { by, PATIENT, say, SEED } from "./run.ts";
import { ChaosPage, type Wanderer } from "./recovery-page.ts";
import { ClientWitness, faultsOf } from "./recovery-witness.ts";

const redis = await startRedis();
const url = redis?.url ?? "";
const admin = new Redis(url, { lazyConnect: true });
afterAll(async () => {
  admin.disconnect();
  await redis?.stop();
});

// Unmodified clients and plain pages whose connections are cut, and which come back to any of three processes: those are
// killed, and so are their connections to Redis. A session that is recovered has no gap and no double.

/** Cuts of connections. */
const CUTS = by({ short: 60, medium: 300, long: 1000 });
const random = new Random(SEED);
const name = `chaos-${process.pid}`;

interface Report {
  readonly name: string;
  readonly port: number;
  readonly number: number;
  readonly errors: string[];
  readonly recovered?: boolean;
  readonly code?: string;
}

/** A node in its own process. */
class ChaosNode {
  readonly child: ChildProcess;
  readonly inbox = new Inbox<Report>("a report of a node");
  readonly refusals: string[] = [];
  port = 0;

  constructor(emitter: string) {
    const script = fileURLToPath(new URL("recovery-program.mjs", import.meta.url));
    const settings = { url, name, emitter, pause: random.pick([3, 5, 8]) };
    this.child = fork(script, [JSON.stringify(settings)], { execArgv: [] });
    this.child.on("message", (report: Report) => {
      if (report.name !== "socket") return this.inbox.push(report);
      if (report.code !== undefined) this.refusals.push(report.code);
    });
  }

  async start(): Promise<this> {
    this.port = (await this.inbox.find((report) => report.name === "joined")).port;
    return this;
  }

  async ask(what: "stop" | "close"): Promise<Report> {
    this.child.send(what);
    return this.inbox.find((report) => report.name === what);
  }

  async kill(): Promise<void> {
    const exit = nextEvent(this.child, "exit");
    this.child.kill("SIGKILL");
    await exit;
  }
}

/** A transport of the reference's client. */
interface Breakable {
  readonly name: string;
  readonly ws?: { terminate?(): void };
  onError(reason: string): unknown;
}

/** A client of the reference that comes back to any node. */
class ChaosClient implements Wanderer {
  readonly #upgrades: boolean;
  readonly witness: ClientWitness;
  readonly #socket: Socket;
  received = 0;

  constructor(index: number, nodes: readonly ChaosNode[]) {
    const room = index % 2 === 0 ? "even" : "odd";
    this.witness = new ClientWitness(room);
    const transports = index % 3 === 0 ? ["polling"] : index % 3 === 1 ? ["websocket"] : ["polling", "websocket"];
    this.#upgrades = transports.length > 1;
    const options = { transports, forceNew: true, auth: { room }, reconnectionDelay: 5, reconnectionDelayMax: 20 };
    this.#socket = connect(urlOf(random.pick(nodes)), options);
    this.#socket.on("connect", () => this.witness.connected(this.#socket.recovered));
    this.#socket.onAny((...event: unknown[]) => {
      this.received += 1;
      this.witness.take(event);
    });
    this.#socket.io.on("reconnect_attempt", () => {
      Object.assign(this.#socket.io, { uri: urlOf(random.pick(nodes)) });
    });
  }

  get isConnected(): boolean {
    return this.#socket.connected;
  }

  leave(): void {
    this.#socket.disconnect();
  }

  /** Breaks the connection, with a word or without. */
  cut(): void {
    if (!this.#socket.connected) return;
    const { engine } = this.#socket.io;
    const transport = engine.transport as unknown as Breakable;
    const mayUpgrade = transport.name === "polling" && this.#upgrades;
    // A client of the reference that closes during an upgrade gets what it has just read twice: only the client can avoid that.
    if (!mayUpgrade && random.below(2) === 0) engine.close();
    else if (transport.ws?.terminate === undefined) transport.onError("cut");
    else transport.ws.terminate();
  }
}

const urlOf = ({ port }: ChaosNode): string => `http://127.0.0.1:${port}`;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test.skipIf(redis === undefined)(
  "cuts, hops and killed nodes: recovered sessions have no gap and no double",
  PATIENT,
  async () => {
    const nodes = await Promise.all(["n1", "n2", "n3"].map((emitter) => new ChaosNode(emitter).start()));
    const ended: ChaosNode[] = [];
    const pages = ["even", "odd"].map((room) => new ChaosPage(room, () => random.pick(nodes).port));
    const clients: Wanderer[] = [...pages, ...Array.from({ length: 6 }, (_, index) => new ChaosClient(index, nodes))];
    await until(() => clients.every(({ isConnected }) => isConnected), "all clients to connect");
    let kills = 0;
    for (let cut = 0; cut < CUTS; cut++) {
      await pause(10 + random.below(60));
      random.pick(clients).cut();
      if (cut % 15 === 7) {
        const index = random.below(3);
        const [old] = nodes.splice(index, 1) as [ChaosNode];
        await old.kill();
        ended.push(old);
        kills += 1;
        nodes.push(await new ChaosNode(`n${3 + kills}`).start());
      }
      if (cut % 15 === 12) await admin.client("KILL", "TYPE", random.pick(["normal", "pubsub"]), "SKIPME", "yes");
    }
    await until(() => clients.every(({ isConnected }) => isConnected), "all clients to return");
    for (const node of nodes) await node.ask("stop");
    const errors = (await Promise.all(nodes.map((node) => node.ask("stop")))).flatMap((report) => report.errors);
    let before = -1;
    for (let sum = 0; sum !== before; sum = clients.reduce((all, { received }) => all + received, 0)) {
      before = sum;
      await pause(100);
    }
    const witnesses = clients.map(({ witness }) => witness);
    const recoveries = witnesses.reduce((sum, witness) => sum + witness.recoveries, 0);
    const lives = witnesses.reduce((sum, witness) => sum + witness.lives.length, 0);
    const refusals = [...nodes, ...ended].flatMap((node) => node.refusals);
    say("kills, recoveries, sessions", [kills, recoveries, lives]);
    say(
      "recoveries of each page",
      pages.map(({ witness }) => witness.recoveries),
    );
    say("refusals", refusals);
    say("events, errors", [before, errors.length]);
    expect(faultsOf(witnesses), `CHAOS_SEED=${SEED}`).toEqual([]);
    expect(recoveries).toBeGreaterThan(CUTS / 2);
    for (const { witness } of pages) expect(witness.recoveries).toBeGreaterThan(0);
    for (const client of clients) client.leave();
    for (const node of nodes) await node.kill();
  },
);
