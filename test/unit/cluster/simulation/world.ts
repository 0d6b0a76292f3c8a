/*
 * The simulated world: a cluster, its clients, and a scheduler that decides by a seed what happens next.
 *
 * At each step one thing happens: a piece of a request or an answer moves, a frame arrives, a client or a server speaks,
 * time passes, or something breaks. No step takes real time.
 */
import type { Random } from "../../../support/random.ts";
import type { Life } from "./ledger.ts";
import { SimClient } from "./sim-client.ts";
import { SimClock } from "./sim-clock.ts";
import { SimCluster } from "./sim-cluster.ts";
import type { SimNode } from "./sim-node.ts";
import { Traffic } from "./traffic.ts";
import { Witness } from "./witness.ts";

/** Waits until all that the last step has caused is done. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const MOST_CLIENTS = 5;
const MOST_FAULTS = 3;
/** Steps in a row without time, after which the world does not come to rest. */
const MOST_MOVES = 5000;

export class World {
  readonly witness: Witness;
  readonly #random: Random;
  readonly #clock = new SimClock();
  readonly #traffic: Traffic;
  readonly #cluster: SimCluster;
  readonly #clients: SimClient[] = [];
  /** The nodes that have asked all others, and have no answer. */
  readonly #asking: SimNode[] = [];
  #faults: number;

  /** @param trace receives all that happens */
  constructor(random: Random, trace?: string[]) {
    this.#random = random;
    this.witness = new Witness(() => this.#clock.now, trace);
    this.#traffic = new Traffic(random, this.witness);
    this.#faults = random.below(MOST_FAULTS + 1);
    this.#cluster = new SimCluster(random, this.#clock, { witness: this.witness, traffic: this.#traffic });
    for (let count = 1 + random.below(3); count > 0; count--) this.#addClient();
  }

  #addClient(): void {
    const random = this.#random;
    const traits = { wantsUpgrade: random.below(3) === 0, isRepeated: random.below(3) > 0 };
    this.#clients.push(
      new SimClient(`c${this.#clients.length}`, traits, { open: this.#traffic.open, observer: this.witness }),
    );
  }

  /** Runs one schedule. Returns the findings. */
  async run(): Promise<readonly string[]> {
    const { findings } = this.witness;
    for (let steps = 20 + this.#random.below(80); steps > 0 && findings.length === 0; steps--) await this.#step();
    if (findings.length === 0) await this.#finish();
    return findings;
  }

  // ---- steps -------------------------------------------------------------------------------------------------------

  async #step(): Promise<void> {
    const random = this.#random;
    const dice = random.below(100);
    if (dice < 70) for (let count = 1 + random.below(4); count > 0; count--) await this.#move();
    else if (dice < 76) this.#sayDown();
    else if (dice < 82) this.#sayUp();
    else if (dice < 85) this.#broadcast();
    else if (dice < 87) this.#ask();
    else if (dice < 92) await this.#pass(random.pick([1, 5, 20, 20, 100, 400, 1100]));
    else if (dice < 94) this.#mend();
    else if (dice < 96) this.#change();
    else if (this.#faults > 0) {
      this.#faults -= 1;
      this.#cluster.break();
    }
    await settle();
    if (dice % 8 === 0) this.#cluster.checkBounds();
  }

  /** Something on its way arrives. Returns false if nothing is on its way. */
  async #move(): Promise<boolean> {
    const steps: (() => void)[] = [];
    this.#traffic.addSteps(steps);
    this.#cluster.addSteps(steps);
    const isServed = this.#cluster.nodes.some(({ isListening }) => isListening);
    for (const client of this.#clients) if (isServed && client.isReady) steps.push(() => client.act(this.#random));
    if (steps.length === 0) return false;
    this.#random.pick(steps)();
    await settle();
    return true;
  }

  async #pass(ms: number): Promise<void> {
    await this.#clock.advance(ms, settle);
    this.#cluster.onTime();
  }

  #mend(): void {
    const repairs = this.#cluster.repairs();
    if (repairs.length > 0) this.#random.pick(repairs)();
  }

  /** A client comes, or one goes. */
  #change(): void {
    if (this.#random.below(3) === 0) this.#random.pick(this.#clients).vanish();
    else if (this.#clients.length < MOST_CLIENTS) this.#addClient();
  }

  #sayDown(): void {
    const lives = [...this.witness.lives.values()].filter(
      ({ isOpen, emit, client, owner }) => isOpen && emit && client?.end === undefined && owner.isRunning,
    );
    if (lives.length === 0) return;
    const life = this.#random.pick(lives);
    for (let count = 1 + this.#random.below(3); count > 0; count--) life.emit?.("d", life.down.sent++);
  }

  #sayUp(): void {
    const clients = this.#clients.filter(({ isConnected, end }) => isConnected && end === undefined);
    if (clients.length === 0) return;
    const client = this.#random.pick(clients);
    const { up } = this.witness.lives.get(client.sid) as Life;
    for (let count = 1 + this.#random.below(3); count > 0; count--) client.say("u", up.sent++);
  }

  #broadcast(): void {
    const { speaking, nodes } = this.#cluster;
    if (speaking.length === 0) return;
    const { name, io } = this.#random.pick(speaking);
    io.emit("b", name, this.witness.nextBroadcast(name, nodes));
  }

  /** A node asks all others for their sockets. */
  #ask(): void {
    const { speaking } = this.#cluster;
    if (speaking.length === 0) return;
    const node = this.#random.pick(speaking);
    const { witness } = this;
    this.#asking.push(node);
    const answered = (): void => void this.#asking.splice(this.#asking.indexOf(node), 1);
    node.io.fetchSockets().then(
      (sockets) => {
        answered();
        const ids = new Set(sockets.map(({ id }) => id));
        if (ids.size < sockets.length) witness.find("fetchSockets() has one socket twice");
      },
      (error: Error & { code?: string }) => {
        answered();
        witness.count(`fetchSockets ${error.code}`);
        if (error.code === undefined) witness.find(`fetchSockets() fails without a code: ${error.message}`);
      },
    );
  }

  // ---- the end -----------------------------------------------------------------------------------------------------

  /** Repairs everything, then lets `ms` pass in `parts`; all arrives meanwhile. */
  async #rest(ms: number, parts: number): Promise<void> {
    for (let left = parts; left > 0; left--) {
      for (const repair of this.#cluster.repairs()) repair();
      for (let moves = 0; await this.#move(); moves++)
        if (moves > MOST_MOVES) return this.witness.find("P8: it does not come to rest");
      await this.#pass(ms / parts);
    }
  }

  /** Lets the world come to rest, compares both sides, lets all clients go, and looks for leftovers. */
  async #finish(): Promise<void> {
    await this.#rest(7000, 7);
    this.#cluster.checkBounds();
    this.witness.checkAtRest();
    const asking = this.#asking.filter(({ isDead }) => !isDead);
    if (asking.length > 0) this.witness.find(`P8: ${asking.length} questions have no answer`);
    for (const client of this.#clients) client.vanish();
    await this.#rest(60_000, 4);
    this.#cluster.checkRemains();
  }
}
