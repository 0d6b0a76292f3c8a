import { type ChildProcess, fork } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Cluster, localCluster, type LocalClusterOptions } from "@portage/cluster";
import { redisCluster, type RedisClusterOptions } from "@portage/cluster/redis";
import { Server } from "@portage/server";
import { Redis } from "ioredis";
import { Inbox, nextEvent, within } from "../../support/waiting.ts";

/** What a node has heard of the others. */
export interface Heard {
  readonly name: string;
  readonly tag: string;
  readonly state?: string;
  readonly port?: number;
  readonly reason?: string;
  /** Milliseconds since the test began. */
  readonly at: number;
}

/** A node in this process. */
export interface Node {
  readonly io: Server;
  readonly cluster: Cluster;
  readonly heard: Inbox<Heard>;
  readonly all: Heard[];
}

/** A node in a process of its own. */
export interface ChildNode {
  readonly child: ChildProcess;
  readonly tag: string;
  readonly port: number;
  readonly heard: Inbox<Heard>;
}

type Options = LocalClusterOptions & RedisClusterOptions;

let count = 0;

/** The nodes of a test, and where they meet: in a directory, or in Redis. */
export class Nodes {
  readonly directory: string;
  readonly name: string;
  readonly #redis: string | undefined;
  readonly #nodes: Node[] = [];
  readonly #clients: Redis[] = [];
  readonly #children: ChildProcess[] = [];

  /** @param redis the URL of Redis. Default: they meet in a directory */
  constructor(redis?: string, name = `test-${process.pid}-${count++}`) {
    this.name = name;
    this.#redis = redis;
    this.directory = join(fs.mkdtempSync(join(tmpdir(), "pc-")), "nodes");
  }

  #clusterWith(options: Options): Cluster {
    if (this.#redis === undefined) return localCluster({ directory: this.directory, ...options });
    const client = new Redis(this.#redis, { lazyConnect: true });
    this.#clients.push(client);
    return redisCluster(client, { name: this.name, ...options });
  }

  /** Starts a node in this process, and waits until it has joined. */
  async start(options: Options = {}, server: object = {}): Promise<Node> {
    const node = this.begin(options, server);
    await this.joined(node);
    return node;
  }

  /** Starts a node in this process. */
  begin(options: Options = {}, server: object = {}): Node {
    const cluster = this.#clusterWith(options);
    const heard = new Inbox<Heard>("an event of a node");
    const node: Node = { cluster, heard, io: new Server(0, { cluster, ...server }), all: [] };
    for (const name of ["node", "lost"] as const) {
      cluster.on(name, ({ node: { tag, state }, reason }) => {
        const event = { name, tag, state, at: performance.now(), ...(reason !== undefined && { reason }) };
        node.all.push(event);
        heard.push(event);
      });
    }
    this.#nodes.push(node);
    return node;
  }

  async joined({ cluster }: Node): Promise<void> {
    await until(() => cluster.tag !== "", "a node to join");
  }

  /** Starts a node in its own process, and waits until it has joined. */
  async fork(options: Options = {}): Promise<ChildNode> {
    const script = fileURLToPath(new URL("node-child.mjs", import.meta.url));
    const place = this.#redis === undefined ? { directory: this.directory } : { name: this.name };
    const child = fork(script, [JSON.stringify({ ...place, ...options }), this.#redis ?? ""], { execArgv: [] });
    this.#children.push(child);
    const heard = new Inbox<Heard>("an event of a child");
    child.on("message", (event: Heard) => heard.push(event));
    const { tag, port = 0 } = await heard.find(({ name }) => name === "joined");
    return { child, tag, port, heard };
  }

  /** Waits until each node in this process knows as many others. */
  async meet(others: number): Promise<void> {
    const isDone = (): boolean => this.#nodes.every(({ cluster }) => cluster.nodes().length === others + 1);
    await until(isDone, `the nodes to know ${others} others`);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#nodes.map(({ io }) => io.close()));
    for (const child of this.#children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)) {
      const exit = nextEvent(child, "exit");
      child.kill("SIGKILL");
      await exit;
    }
    for (const client of this.#clients) client.disconnect();
    fs.rmSync(join(this.directory, ".."), { recursive: true, force: true });
  }
}

/** Waits until `isDone`, which has no event. */
export async function until(isDone: () => boolean, what: string): Promise<void> {
  const wait = async (): Promise<void> => {
    while (!isDone()) await new Promise((resolve) => setTimeout(resolve, 1));
  };
  await within(wait(), what);
}
