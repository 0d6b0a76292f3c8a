import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { Redis } from "ioredis";
import { vi } from "vitest";
import { ownRedis } from "../../support/servers/redis.ts";
import { freePort, type TestServer } from "../../support/servers/server-process.ts";
import { within } from "../../support/waiting.ts";
import type { NodeReport } from "../nodes.ts";
import { Program } from "../programs.ts";
import { type ClientJournal, type Journals, type NodeLife, parseJournal } from "./journal.ts";
import { RedisLine } from "./redis-line.ts";

const ROOMS = ["red", "green", "blue", "white"];

export interface SitePlan {
  readonly nodes: number;
  /** The library of the client of Redis. */
  readonly driver: "ioredis" | "node-redis";
  /** Options of the cluster. */
  readonly cluster?: object;
  /** Environment of the nodes. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A node on an address of its own, which may be killed and started again. */
class Place {
  readonly index: number;
  readonly line: RedisLine;
  readonly url: string;
  readonly #start: (life: string) => Program;
  readonly #lives: { life: string; program: Program; isKilled: boolean }[] = [];

  constructor(index: number, line: RedisLine, url: string, start: (life: string) => Program) {
    this.index = index;
    this.line = line;
    this.url = url;
    this.#start = start;
  }

  get lives(): readonly { life: string; isKilled: boolean }[] {
    return this.#lives;
  }

  get said(): string {
    return this.#lives.map(({ program }) => program.said).join("");
  }

  #last() {
    return this.#lives.at(-1)!;
  }

  async start(): Promise<void> {
    const life = `${"ABCDEFGH"[this.index]}${this.#lives.length}`;
    const program = this.#start(life);
    this.#lives.push({ life, program, isKilled: false });
    await program.ready();
  }

  async kill(): Promise<void> {
    this.#last().isKilled = true;
    await this.#last().program.stop();
  }

  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#last().program.kill(signal);
  }

  ask<T>(question: string, value?: unknown): Promise<T> {
    return within(this.#last().program.ask<T>(question, value), `${this.#last().life} to ${question}`, 30_000);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#lives.map(({ program }) => program.stop()));
    await this.line.close();
  }
}

/** A Redis that loses its data when it ends. */
class ForgetfulRedis {
  readonly url: string;
  readonly port: number;
  readonly #start: () => Promise<TestServer>;
  #running: TestServer;

  private constructor(url: string, start: () => Promise<TestServer>, running: TestServer) {
    this.url = url;
    this.port = Number(new URL(url).port);
    this.#start = start;
    this.#running = running;
  }

  static async start(): Promise<ForgetfulRedis | undefined> {
    const own = await ownRedis();
    return own && new ForgetfulRedis(own.url, () => own.start(), await own.start());
  }

  /** Ends it, and starts it again on the same port `ms` later. */
  async restart(ms: number): Promise<void> {
    await this.#running.stop();
    await new Promise((resolve) => setTimeout(resolve, ms));
    this.#running = await this.#start();
  }

  stop(): Promise<void> {
    return this.#running.stop();
  }
}

/** Nodes on Redis, each behind a line of its own, and clients in a process. */
export class RecoverySite {
  readonly redis: ForgetfulRedis;
  /** For faults and questions, beside the lines. */
  readonly control: Redis;
  readonly places: readonly Place[];
  readonly clients: Program;
  readonly #folder: string;

  private constructor(redis: ForgetfulRedis, places: readonly Place[], folder: string) {
    this.redis = redis;
    this.places = places;
    this.#folder = folder;
    this.control = new Redis(redis.url, { maxRetriesPerRequest: null });
    this.control.on("error", () => undefined);
    this.clients = new Program("storm/client-program.mjs");
  }

  /** Starts all; undefined without Redis. */
  static async start(plan: SitePlan): Promise<RecoverySite | undefined> {
    const redis = await ForgetfulRedis.start();
    if (redis === undefined) return undefined;
    const folder = await mkdtemp(join(tmpdir(), "portage-recovery-"));
    const places = await Promise.all(
      Array.from({ length: plan.nodes }, async (_, index) => {
        const [line, port] = [await RedisLine.open(redis.port), await freePort()];
        const address = `127.0.0.${index + 1}`;
        const fixed = { address, port, redis: line.url, driver: plan.driver, rooms: ROOMS, options: OPTIONS };
        const cluster = { name: basename(folder), links: { host: `127.0.1.${index + 1}` }, ...plan.cluster };
        return new Place(index, line, `http://${address}:${port}`, (life) => {
          const given = { ...fixed, cluster, life, file: join(folder, life) };
          return new Program("storm/node-program.mjs", { ...plan.env, NODE_PLAN: JSON.stringify(given) });
        });
      }),
    );
    const site = new RecoverySite(redis, places, folder);
    try {
      await Promise.all([site.clients.ready(), ...places.map((place) => place.start())]);
      await site.whenJoined();
    } catch (error) {
      await site.stop();
      throw error;
    }
    return site;
  }

  get urls(): string[] {
    return this.places.map(({ url }) => url);
  }

  /** Waits until each node knows all of them. */
  async whenJoined(): Promise<void> {
    await vi.waitFor(
      async () => {
        const known = await Promise.all(this.places.map((place) => place.ask<{ state: string }[]>("nodes")));
        const up = known.map((nodes) => nodes.filter(({ state }) => state === "up").length);
        if (up.some((count) => count !== this.places.length)) throw new Error(`the nodes know ${up.join(", ")} nodes`);
      },
      { timeout: 30_000, interval: 50 },
    );
  }

  /** Reads what all have written down. */
  async journals(): Promise<Journals> {
    const lives = this.places.flatMap(({ lives }) => lives);
    const read = async ({ life, isKilled }: { life: string; isKilled: boolean }): Promise<NodeLife> => {
      return { life, isKilled, lines: parseJournal(await readFile(join(this.#folder, life), "utf8")) };
    };
    return {
      rooms: ROOMS,
      lives: await Promise.all(lives.map(read)),
      clients: await this.clients.ask<ClientJournal[]>("report"),
    };
  }

  reports(): Promise<NodeReport[]> {
    return Promise.all(this.places.map((place) => place.ask<NodeReport>("report")));
  }

  /** Returns the keys that never expire. */
  async keysForEver(): Promise<string[]> {
    const keys: string[] = [];
    for await (const batch of this.control.scanStream({ count: 1000 })) keys.push(...(batch as string[]));
    const ttls = await Promise.all(keys.map((key) => this.control.pttl(key)));
    return keys.filter((_key, index) => ttls[index] === -1);
  }

  async stop(): Promise<void> {
    this.control.disconnect();
    await this.clients.stop();
    await Promise.all(this.places.map((place) => place.stop()));
    await this.redis.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Options of the servers: dead connections are found soon. */
const OPTIONS = {
  pingInterval: 3000,
  pingTimeout: 5000,
  connectionStateRecovery: { maxDisconnectionDuration: 120_000 },
};
