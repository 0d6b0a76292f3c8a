/*
 * The requests of the simulation: a balancer sends each to a node at random. A fault gives excuses to the
 * sessions of the requests that it touches.
 */
import type { Random } from "../../../support/random.ts";
import type { Excuse, Life } from "./ledger.ts";
import { Line } from "./line.ts";
import type { Opener, RequestKind, SimClient, Visit } from "./sim-client.ts";
import type { SimCluster } from "./sim-cluster.ts";
import type { SimLink } from "./sim-link.ts";
import type { SimNode } from "./sim-node.ts";
import type { Witness } from "./witness.ts";

/** A request at a node. */
interface Routed extends Visit {
  readonly node: SimNode;
  readonly client: SimClient;
}

/** A poll whose client has the answer. Its owner learns of it from the frames so far. */
interface Unconfirmed {
  readonly life: Life;
  readonly link: SimLink;
  readonly frames: number;
}

const EXCUSE_OF: Readonly<Record<RequestKind, Excuse>> = { GET: "get", POST: "post", WS: "tunnel" };

export class Traffic {
  readonly #random: Random;
  readonly #witness: Witness;
  readonly #routed = new Set<Routed>();
  readonly #unconfirmed = new Set<Unconfirmed>();
  #requests = 0;
  /** Set once the nodes are there. */
  cluster!: SimCluster;

  constructor(random: Random, witness: Witness) {
    this.#random = random;
    this.#witness = witness;
  }

  #lifeOf({ sid }: SimClient): Life | undefined {
    return this.#witness.lives.get(sid);
  }

  // ---- the balancer ------------------------------------------------------------------------------------------------

  readonly open: Opener = (client, kind, request) => {
    const { serving, nodes } = this.cluster;
    const node = this.#random.pick(serving.length > 0 ? serving : nodes);
    const id = ++this.#requests;
    this.#witness.note(`${client.name} ${kind} ${id} -> ${node.name}`);
    const line = new Line(request.pieces(id), request.reader, (arrived) => node.accept(arrived));
    if (node.isListening) node.lines.add(line);
    else line.kill();
    const visit: Routed = { kind, line, id, node, client };
    this.#routed.add(visit);
    const life = this.#lifeOf(client);
    if (life !== undefined) this.#excuseArrival(life, visit);
    return visit;
  };

  #excuseArrival({ owner, excuses }: Life, { node, kind }: Routed): void {
    if (node.state === "starting") excuses.add("starting");
    if (node === owner) return;
    if (this.cluster.areApart(node, owner)) excuses.add("apart").add(EXCUSE_OF[kind]);
    if (node.standing(owner.name) === "unknown") excuses.add("stranger");
  }

  /** Adds the steps that requests and answers can take now. */
  addSteps(steps: (() => void)[]): void {
    for (const visit of this.#routed) {
      const { line, node } = visit;
      if (line.isOver) this.#forget(visit);
      if (node.isRunning && line.hasUp) steps.push(() => line.arrive());
      if (node.isRunning && line.hasUnsent) steps.push(() => line.flush());
      if (line.hasDown) steps.push(() => line.hear());
    }
  }

  #forget(visit: Routed): void {
    const { line, node, client, kind } = visit;
    this.#routed.delete(visit);
    node.lines.delete(line);
    const life = this.#lifeOf(client);
    const link = life && node.links.get(life.owner.name);
    if (link && kind === "GET") this.#unconfirmed.add({ life, link, frames: link.sentFrames });
  }

  // ---- excuses -----------------------------------------------------------------------------------------------------

  /** The link between two nodes breaks. */
  excuseBetween(one: SimNode, two: SimNode): void {
    this.#excuseUnconfirmed(({ holder, name }) => {
      return (holder === one && name === two.name) || (holder === two && name === one.name);
    });
    for (const { node, client, kind } of this.#routed) {
      const life = this.#lifeOf(client);
      const isTouched = (node === one && life?.owner === two) || (node === two && life?.owner === one);
      if (isTouched) life?.excuses.add(EXCUSE_OF[kind]);
    }
  }

  /** The process of a node ends. */
  excuseAt(node: SimNode): void {
    this.#excuseUnconfirmed(({ holder }) => holder === node);
    this.#excuseOwned(node);
    for (const { node: front, client, kind } of this.#routed)
      if (front === node) this.#lifeOf(client)?.excuses.add(EXCUSE_OF[kind]);
  }

  /** A node leaves. */
  excuseLeaving(node: SimNode): void {
    this.#excuseOwned(node);
    for (const { node: front, client, kind } of this.#routed)
      if (front === node && kind === "WS") this.#lifeOf(client)?.excuses.add("leaving");
  }

  #excuseOwned(node: SimNode): void {
    for (const life of this.#witness.lives.values()) if (life.owner === node) life.excuses.add("owner");
  }

  /** Owners do not learn that answers have arrived. */
  #excuseUnconfirmed(isLost: (link: SimLink) => boolean): void {
    for (const answer of this.#unconfirmed) {
      const { life, link, frames } = answer;
      if (link.takenFrames >= frames) this.#unconfirmed.delete(answer);
      else if (isLost(link)) life.excuses.add("get");
    }
  }
}
