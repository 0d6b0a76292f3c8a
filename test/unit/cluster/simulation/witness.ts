/*
 * The witness of the simulation: hears nodes and clients, and records each finding, a property that does not hold.
 *
 *   P2   at most one poll and one POST of a session at its owner
 *   P3   messages of a client: in their order, once
 *   P4   messages of a server, and broadcasts of each node: the same
 *   P7   a session has one owner, which its id names
 *   P10  each end has a code, and a reason in the faults so far (see ledger.ts)
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "@portage/server";
import type { Socket as Session } from "@portage/server/engine";
import { Life } from "./ledger.ts";
import type { ClientObserver, SimClient } from "./sim-client.ts";
import type { NodeObserver, SimNode } from "./sim-node.ts";

/** A request at the engine of its owner. */
interface Handled {
  readonly node: SimNode;
  readonly res: ServerResponse;
  readonly id: string;
}

const isPending = ({ node, res }: Handled): boolean => !res.writableEnded && !res.destroyed && !node.isDead;

export class Witness implements NodeObserver, ClientObserver {
  readonly lives = new Map<string, Life>();
  readonly findings: string[] = [];
  readonly counts: Record<string, number> = {};
  /** A log, for a reader. */
  readonly trace: string[] | undefined;
  readonly #now: () => number;
  readonly #sessions = new WeakMap<Session, Life>();
  readonly #handled = new Map<string, Handled[]>();
  /** How often the link of two nodes has changed, by their names. */
  readonly #changes = new Map<string, number>();
  /** The last broadcast of each node. */
  readonly #broadcasts = new Map<string, number>();
  /** The same changes when a broadcast was sent, by its origin, its number and its destination. */
  readonly #changesWhenSent = new Map<string, number>();

  constructor(now: () => number, trace: string[] | undefined) {
    this.#now = now;
    this.trace = trace;
  }

  note(text: string): void {
    this.trace?.push(`${this.#now()} ${text}`);
  }

  count(name: string): void {
    this.counts[name] = (this.counts[name] ?? 0) + 1;
  }

  find(text: string): void {
    this.note(`FINDING ${text}`);
    this.findings.push(text);
  }

  judge(life: Life, wrong: string | undefined): void {
    if (wrong !== undefined) this.find(`${life.name}: ${wrong}`);
  }

  // ---- nodes -------------------------------------------------------------------------------------------------------

  onSession(node: SimNode, session: Session): void {
    if (session.id.slice(0, 4) !== node.name) this.find(`P7: a session of ${node.name} has the id ${session.id}`);
    if (this.lives.has(session.id)) this.find(`P7: two nodes have the session ${session.id}`);
    const life = new Life(session, node);
    this.lives.set(session.id, life);
    this.#sessions.set(session, life);
  }

  onSessionEnd(session: Session): void {
    const life = this.#sessions.get(session);
    if (life === undefined || life.owner.isDead) return;
    const { code } = session.closeReason ?? {};
    this.note(`${life.name} ends: ${code}`);
    this.count(`end ${code}`);
    this.judge(life, life.endedBy(code));
  }

  onSocket(socket: Socket): void {
    const life = this.#sessions.get(socket.conn);
    if (life === undefined) return;
    life.emit = (event, ...args) => void socket.emit(event, ...args);
    socket.on("u", (number: unknown) => {
      const wrong = life.up.take(number);
      if (wrong !== undefined) this.find(`P3 ${life.name}: in, ${wrong}`);
    });
  }

  onHandled(node: SimNode, req: IncomingMessage, res: ServerResponse): void {
    const { url = "", method, headers } = req;
    const sid = /[?&]sid=([^&]+)/.exec(url)?.[1];
    if (node.isDead || sid === undefined || url.includes("websocket")) return;
    const key = `${method} ${sid}`;
    const id = String(headers["x-id"]);
    const pending = (this.#handled.get(key) ?? []).filter(isPending);
    const isHere = this.lives.get(sid)?.isOpen && sid.startsWith(node.name);
    if (isHere && pending.length > 0) this.find(`P2: ${key} ${id} comes while ${pending[0]!.id} is pending`);
    pending.push({ node, res, id });
    this.#handled.set(key, pending);
  }

  // ---- clients -----------------------------------------------------------------------------------------------------

  onOpened(client: SimClient): void {
    const life = this.lives.get(client.sid);
    if (life === undefined) return this.find(`${client.name} has a session that no node has`);
    life.client = client;
    this.note(`${client.name} has a session at ${life.owner.name}`);
  }

  onMessage(client: SimClient, event: string, args: readonly unknown[]): void {
    const life = this.lives.get(client.sid);
    if (life === undefined) return;
    if (event !== "d") return this.#hearBroadcast(life, args as [string, number]);
    const wrong = life.down.take(args[0]);
    if (wrong !== undefined) this.find(`P4 ${life.name}: out, ${wrong}`);
  }

  onClientEnd(client: SimClient): void {
    const { end, failedUpgrade } = client;
    this.note(`${client.name} ends: ${end?.why} ${end?.status ?? ""} ${end?.body ?? ""}`);
    this.count(`client: ${end?.why} ${end?.status ?? ""}`);
    if (failedUpgrade !== undefined) this.count(`upgrade refused ${failedUpgrade.status}`);
    const life = this.lives.get(client.sid);
    if (life?.client === client) this.judge(life, life.givenUp());
  }

  // ---- broadcasts --------------------------------------------------------------------------------------------------

  /** A link between two nodes opens or breaks: broadcasts may be lost. */
  recordChange(one: string, two: string): void {
    const key = pairOf(one, two);
    this.#changes.set(key, (this.#changes.get(key) ?? 0) + 1);
  }

  #changesOf(one: string, two: string): number {
    return this.#changes.get(pairOf(one, two)) ?? 0;
  }

  /** Returns the number of the next broadcast of a node. */
  nextBroadcast(origin: string, destinations: Iterable<SimNode>): number {
    const number = (this.#broadcasts.get(origin) ?? 0) + 1;
    this.#broadcasts.set(origin, number);
    for (const { name } of destinations)
      this.#changesWhenSent.set(`${origin} ${number} ${name}`, this.#changesOf(origin, name));
    return number;
  }

  #hearBroadcast(life: Life, [origin, number]: [string, number]): void {
    const changes = this.#changesWhenSent.get(`${origin} ${number} ${life.owner.name}`) ?? 0;
    const last = life.seen.get(origin);
    life.seen.set(origin, { number, changes });
    if (last === undefined || number === last.number + 1) return;
    const isGap = number > last.number && changes > last.changes;
    if (!isGap) this.find(`P4 ${life.name}: broadcast ${number} of ${origin} comes after ${last.number}`);
  }

  #checkBroadcasts(life: Life): void {
    for (const [origin, { number, changes }] of life.seen) {
      const last = this.#broadcasts.get(origin) ?? 0;
      if (number < last && changes === this.#changesOf(origin, life.owner.name))
        this.find(`P4 ${life.name}: ${number} of ${last} broadcasts of ${origin} have come`);
    }
  }

  /** Compares both sides of all sessions at rest. */
  checkAtRest(): void {
    for (const life of this.lives.values()) {
      this.judge(life, life.checkAtRest());
      if (life.isOpen && life.client?.end === undefined) this.#checkBroadcasts(life);
    }
  }
}

const pairOf = (one: string, two: string): string => (one < two ? `${one} ${two}` : `${two} ${one}`);
