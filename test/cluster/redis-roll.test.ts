import { type ChildProcess, fork } from "node:child_process";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import type { Socket } from "socket.io-client";
import { afterAll, afterEach, expect, test } from "vitest";
import { CLIENTS, type Connect, WAYS } from "../support/clients.ts";
import { startRedis } from "../support/servers/redis.ts";
import { Inbox, nextEvent } from "../support/waiting.ts";
import { until } from "../e2e/cluster/nodes.ts";
import { BALANCERS, balance } from "./balancers.ts";
import { by, isShort, PATIENT, say } from "./run.ts";
import { ClientWitness, faultsOf } from "./recovery-witness.ts";

// Four nodes with Redis behind haproxy are replaced one after the other, twice, while clients send and hear. Our clients send until
// each event is acknowledged; clients of socket.io only listen.

const OURS = CLIENTS["@portage/client"] as Connect;
const THEIRS = CLIENTS["socket.io-client 4.8"] as Connect;
const NODES = 4;
const ROLLS = 2;

const redis = isShort ? undefined : await startRedis();
const [haproxy] = BALANCERS;
afterAll(() => redis?.stop());

const ends: (() => unknown)[] = [];
afterEach(async () => {
  while (ends.length > 0) await ends.pop()?.();
});

interface Report {
  readonly name: string;
  readonly port: number;
  readonly number: number;
  readonly errors: string[];
  readonly recovery: Readonly<Record<string, unknown>>;
}

/** The events of each client that listeners have got. The channels of two processes have no common order. */
const heard = new Map<number, number[]>();

/** A node in its own process. Its successor takes its port. */
class RolledNode {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #inbox = new Inbox<Report>("a report of a node");

  constructor(port: number, emitter: string) {
    this.port = port;
    const settings = { url: redis?.url, name: `roll-${process.pid}`, emitter, pause: 10, port };
    const script = fileURLToPath(new URL("recovery-program.mjs", import.meta.url));
    this.#child = fork(script, [JSON.stringify(settings)], { execArgv: [] });
    this.#child.on("message", (report: Report & { client: number; count: number }) => {
      if (report.name === "heard") heard.get(report.client)?.push(report.count);
      else if (report.name !== "socket") this.#inbox.push(report);
    });
  }

  async start(): Promise<this> {
    await this.#inbox.find(({ name }) => name === "joined");
    return this;
  }

  async ask(what: "stop" | "drain"): Promise<Report> {
    this.#child.send(what);
    return this.#inbox.find(({ name }) => name === what);
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = nextEvent(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exit;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await nextEvent(server, "listening");
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A client listens. One of ours sends numbers as well, one after the other. */
class RollClient {
  readonly index: number;
  readonly witness: ClientWitness;
  readonly socket: Socket;
  readonly acknowledged: number[] = [];
  received = 0;
  #phase: "sending" | "stopped" = "sending";
  #done: Promise<void> = Promise.resolve();

  constructor(index: number, url: string) {
    this.index = index;
    const room = index % 2 === 0 ? "even" : "odd";
    this.witness = new ClientWitness(room);
    const ways = Object.values(WAYS);
    const isOurs = index % 3 < 2;
    const options = {
      ...ways[index % ways.length],
      ...(isOurs && { retries: 50, ackTimeout: 5000 }),
      forceNew: true,
      auth: { room },
      reconnection: true,
      reconnectionDelay: 10,
      reconnectionDelayMax: 50,
    };
    this.socket = (isOurs ? OURS : THEIRS)(url, options);
    ends.push(() => this.socket.disconnect());
    this.socket.on("connect", () => this.witness.connected(this.socket.recovered));
    this.socket.onAny((...event: unknown[]) => {
      this.received += 1;
      this.witness.take(event);
    });
    if (!isOurs) return;
    heard.set(index, []);
    this.#done = this.#send();
  }

  async #send(): Promise<void> {
    for (let number = 0; this.#phase === "sending"; number += 1)
      this.acknowledged.push((await this.socket.emitWithAck("echo", this.index, number)) as number);
  }

  async stop(): Promise<void> {
    this.#phase = "stopped";
    await this.#done;
  }
}

test.skipIf(isShort || redis === undefined || haproxy?.program === undefined)(
  "two rolls of four nodes with Redis behind haproxy: no event is lost, doubled or out of order",
  PATIENT,
  async () => {
    const nodes: RolledNode[] = [];
    const start = async (port: number, emitter: string): Promise<RolledNode> => {
      const node = new RolledNode(port, emitter);
      ends.push(() => node.end());
      return node.start();
    };
    while (nodes.length < NODES) nodes.push(await start(await freePort(), `n${nodes.length}`));
    const balancer = await balance(
      haproxy!,
      nodes.map(({ port }) => port),
    );
    ends.push(() => balancer.stop());
    const count = by({ short: 6, medium: 24, long: 200 });
    const clients = Array.from({ length: count }, (_, index) => new RollClient(index, balancer.url));
    await until(() => clients.every(({ socket }) => socket.connected), "all clients to connect");
    const errors: string[] = [];
    const recoveries: unknown[] = [];
    for (let turn = 0; turn < ROLLS * NODES; turn++) {
      const index = turn % NODES;
      const old = nodes[index]!;
      await old.ask("stop");
      const report = await old.ask("drain");
      errors.push(...report.errors);
      recoveries.push(report.recovery);
      await old.end();
      nodes[index] = await start(old.port, `n${NODES + turn}`);
      // On a busy machine, some client is cut by its heartbeat at any time.
      const away = new Set(clients);
      const look = (client: RollClient): unknown => client.socket.connected && away.delete(client);
      await until(() => (away.forEach(look), away.size === 0), "all clients to return");
    }
    await Promise.all(clients.map((client) => client.stop()));
    for (const node of nodes) errors.push(...(await node.ask("stop")).errors);
    for (let before = -1, sum = 0; sum !== before; sum = clients.reduce((all, { received }) => all + received, 0)) {
      before = sum;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    const witnesses = clients.map(({ witness }) => witness);
    const lives = witnesses.reduce((sum, witness) => sum + witness.lives.length, 0);
    say("recoveries, sessions", [witnesses.reduce((sum, { recoveries: each }) => sum + each, 0), lives]);
    say("errors", errors);
    expect(faultsOf(witnesses)).toEqual([]);
    for (const numbers of heard.values()) numbers.sort((one, other) => one - other);
    const wrong = clients.filter(({ index, acknowledged }) => {
      const sent = acknowledged.map((_, number) => number).join();
      return heard.has(index) && (acknowledged.join() !== sent || heard.get(index)!.join() !== sent);
    });
    expect(wrong.map(({ index, acknowledged }) => ({ index, acknowledged, heard: heard.get(index) }))).toEqual([]);
    expect({ lives, errors }).toEqual({ lives: count, errors: [] });
  },
);
