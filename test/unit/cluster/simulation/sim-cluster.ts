/*
 * The nodes of the simulation and the links between them: how they break, and how they are repaired.
 */
import type { Random } from "../../../support/random.ts";
import type { SimClock } from "./sim-clock.ts";
import { MAX_LINK_BYTES, SimLink } from "./sim-link.ts";
import { MAX_PENDING, SimNode } from "./sim-node.ts";
import type { Traffic } from "./traffic.ts";
import type { Witness } from "./witness.ts";

const FAULTS = ["cut", "cut", "crash", "crash", "freeze", "join", "leave", "failed"] as const;

/** Milliseconds after which the peers of a frozen node give it up, and after which it goes on. */
const SILENCE = 4000;
const LONGEST_FREEZE = 9000;

export class SimCluster {
  readonly clock: SimClock;
  readonly nodes: SimNode[] = [];
  readonly #links = new Set<SimLink>();
  readonly #random: Random;
  readonly #witness: Witness;
  readonly #traffic: Traffic;
  /** Whether engines have a middleware: requests take another way with one. */
  readonly #isWatched: boolean;

  constructor(random: Random, clock: SimClock, { witness, traffic }: { witness: Witness; traffic: Traffic }) {
    this.#random = random;
    this.clock = clock;
    this.#witness = witness;
    this.#traffic = traffic;
    traffic.cluster = this;
    this.#isWatched = random.below(2) === 0;
    for (let count = 2 + random.below(2); count > 0; count--) this.#add().join();
    for (const [one, two] of this.#apart()) this.#connect(one, two);
  }

  #add(): SimNode {
    const tag = `N${String(this.nodes.length).padStart(3, "0")}`;
    const node = new SimNode({ tag, clock: this.clock, observer: this.#witness, isWatched: this.#isWatched });
    this.nodes.push(node);
    return node;
  }

  /** The nodes behind the balancer. */
  get serving(): SimNode[] {
    return this.nodes.filter(({ state }) => state === "up" || state === "starting");
  }

  /** Nodes that may say something. */
  get speaking(): SimNode[] {
    return this.nodes.filter(({ state, isRunning }) => state === "up" && isRunning);
  }

  // ---- links -------------------------------------------------------------------------------------------------------

  #connect(one: SimNode, two: SimNode): void {
    const [first, second] = this.#random.below(2) === 0 ? [one, two] : [two, one];
    const [a, b] = SimLink.pair(first, second);
    this.#links.add(a).add(b);
    first.onOpen(a);
    this.#witness.recordChange(one.name, two.name);
  }

  #linkOf(one: SimNode, two: SimNode): SimLink | undefined {
    for (const link of this.#links)
      if (link.phase !== "closed" && link.holder === one && link.name === two.name) return link;
    return undefined;
  }

  /** Whether two nodes lack a sound link. */
  areApart(one: SimNode, two: SimNode): boolean {
    return this.#linkOf(one, two)?.isSound !== true;
  }

  /** Pairs of nodes without a link, also in their own eyes. */
  #apart(): (readonly [SimNode, SimNode])[] {
    const running = this.nodes.filter(({ isRunning, isListening }) => isRunning && isListening);
    const pairs = running.flatMap((one, i) => running.slice(i + 1).map((two) => [one, two] as const));
    return pairs.filter(([one, two]) => this.#linkOf(one, two) === undefined && this.#linkOf(two, one) === undefined);
  }

  /** Adds the steps that frames can take now. */
  addSteps(steps: (() => void)[]): void {
    for (const link of this.#links) {
      if (link.phase === "closed" || link.holder.isDead) this.#links.delete(link);
      else if (link.isBusy) steps.push(() => link.step());
    }
  }

  #cut(link: SimLink, end: "cut" | "silent" | "failed"): void {
    const one = link.holder as SimNode;
    const two = link.peer.holder as SimNode;
    this.#witness.note(`the link ${one.name}-${two.name} ends: ${end}`);
    this.#witness.recordChange(one.name, two.name);
    this.#traffic.excuseBetween(one, two);
    if (end === "silent") link.cutTo("silent", "cut");
    else link.cut(this.#random, end, "cut");
  }

  // ---- faults ------------------------------------------------------------------------------------------------------

  /** Something breaks. */
  break(): void {
    const { serving, speaking } = this;
    const fault = this.#random.pick(FAULTS);
    if (fault === "join") return this.#start();
    if (fault === "cut" || fault === "failed") {
      const sound = [...this.#links].filter(({ isSound }) => isSound);
      return sound.length > 0 ? this.#cut(this.#random.pick(sound), fault) : undefined;
    }
    if (speaking.length === 0 || serving.length < 2) return;
    // A busy node has more to lose.
    const busy = speaking.filter(({ lines }) => lines.size > 0);
    const node = this.#random.pick(busy.length > 0 ? busy : speaking);
    this.#witness.count(fault);
    this.#witness.note(`${node.name}: ${fault}`);
    if (fault === "freeze") {
      node.isFrozen = true;
      node.frozenAt = this.clock.now;
    } else if (fault === "crash") this.#crash(node);
    else {
      this.#traffic.excuseLeaving(node);
      node.drain();
    }
  }

  /** The process of a node ends, and with it its links. */
  #crash(node: SimNode): void {
    this.#traffic.excuseAt(node);
    node.die();
    // Nodes without a link to it find no process when they dial.
    for (const other of this.nodes) if (!other.isDead) other.lose(node.name);
    for (const link of this.#links) {
      if (link.holder !== node || link.phase === "closed") continue;
      this.#witness.recordChange(node.name, link.name);
      link.cut(this.#random, "gone");
    }
  }

  #start(): void {
    const node = this.#add();
    this.#witness.count("join");
    this.#witness.note(`${node.name} starts`);
    for (const other of this.nodes) {
      if (other === node || other.isDead || !other.isListening) continue;
      node.meet(other.name);
      if (other.isRunning) this.#connect(node, other);
    }
  }

  /** Time has passed: the peers of frozen nodes may have noticed. */
  onTime(): void {
    for (const node of this.nodes) {
      if (!node.isFrozen || node.isDead) continue;
      const time = this.clock.now - node.frozenAt;
      if (time > LONGEST_FREEZE) this.#resume(node);
      else if (time > SILENCE) this.#silence(node);
    }
  }

  #silence(node: SimNode): void {
    for (const link of this.#links)
      if (link.name === node.name && link.phase === "open" && link.holder.isRunning) this.#cut(link, "silent");
  }

  // ---- repairs -----------------------------------------------------------------------------------------------------

  /** Returns the repairs that are possible now. */
  repairs(): (() => void)[] {
    const repairs = this.#apart().map(
      ([one, two]) =>
        () =>
          this.#connect(one, two),
    );
    for (const node of this.nodes) {
      if (node.isFrozen && !node.isDead) repairs.push(() => this.#resume(node));
      if (node.state === "starting") repairs.push(() => this.#join(node));
      if (node.state === "draining" && node.isRunning) repairs.push(() => this.#exit(node));
    }
    return repairs;
  }

  #resume(node: SimNode): void {
    this.#witness.note(`${node.name} goes on`);
    node.isFrozen = false;
  }

  #join(node: SimNode): void {
    this.#witness.note(`${node.name} has joined`);
    node.join();
  }

  /** The sessions and requests of a node that leaves have ended: so does its process. */
  #exit(node: SimNode): void {
    if (!node.isDrained || [...node.lines].some((line) => !line.isOver)) return;
    this.#witness.note(`${node.name} exits`);
    node.leave();
    this.#crash(node);
  }

  // ---- checks ------------------------------------------------------------------------------------------------------

  /** P11: queues stay under their bounds. */
  checkBounds(): void {
    for (const node of this.nodes) {
      const { pending, owned, waiting } = node.relay.stats;
      const isBounded = [pending, owned, waiting].every((count) => count >= 0 && count <= MAX_PENDING);
      if (!isBounded) this.#witness.find(`P11 ${node.name}: ${pending} pending, ${owned} owned, ${waiting} waiting`);
    }
    for (const { maxQueued, failure, name } of this.#links) {
      if (maxQueued > MAX_LINK_BYTES) this.#witness.find(`P11: ${maxQueued} bytes are queued for ${name}`);
      if (failure !== undefined) this.#witness.find(`the link to ${name} fails: ${failure}`);
    }
  }

  /** P8: without clients, nothing is left. */
  checkRemains(): void {
    for (const node of this.nodes) {
      if (node.isDead) continue;
      const { pending, owned, waiting, tunnels } = node.relay.stats;
      const sessions = node.engine.clientsCount;
      const timers = this.clock.pending(node);
      const left = { pending, owned, waiting, tunnels, sessions, timers, ...node.queues };
      const names = Object.entries(left).filter(([, count]) => count !== 0);
      if (names.length > 0) this.#witness.find(`P8 ${node.name} (${node.state}) has ${names.join("; ")}`);
    }
  }
}
