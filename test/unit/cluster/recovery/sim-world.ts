/*
 * A simulated cluster for recovery: nodes with the sessions of `ClusterSessions`, a log and a store in memory, clients that lose
 * their connections and come back to any node. The seed chooses which step comes next.
 */
import { SocketIoError } from "@portage/server/relay";
import { formatOffset } from "../../../../packages/cluster/src/order/offset.ts";
import { ClusterSessions } from "../../../../packages/cluster/src/recovery/sessions.ts";
import type { LoggedEvent } from "../../../../packages/cluster/src/recovery/events.ts";
import type { RecordOwner } from "../../../../packages/cluster/src/recovery/store.ts";
import { SimEvents, SimHistory } from "../../../support/cluster/sim-events.ts";
import { type SimRecord, SimStore } from "../../../support/cluster/sim-store.ts";
import type { Random } from "../../../support/random.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { SimClient } from "./sim-client.ts";

/** A connection between a client and a node. */
export interface Connection {
  readonly client: SimClient;
  readonly node: SimNode;
  /** Events that the node has sent and the client has not received. */
  readonly sent: LoggedEvent[];
  /** `cut`: the client has left, and the node does not know. */
  state: "open" | "cut" | "closed";
}

/** A connected socket at a node. */
interface SimSocket {
  readonly id: string;
  readonly pid: string;
  readonly data: unknown;
  readonly rooms: Set<string>;
  readonly connection: Connection;
  /** How often it has joined or left a room. */
  moves: number;
}

/** A node of the simulation. */
export class SimNode {
  readonly tag: string;
  readonly events: SimEvents;
  readonly store: SimStore;
  readonly sessions: ClusterSessions;
  readonly sockets = new Map<string, SimSocket>();
  readonly commands: (() => void)[] = [];
  readonly replies: (() => void)[] = [];
  state: "up" | "frozen" | "dead" = "up";
  /** Whether the other nodes can ask it. */
  isReachable = true;
  readonly #world: SimWorld;

  constructor(world: SimWorld, tag: string) {
    this.#world = world;
    this.tag = tag;
    this.events = new SimEvents(world.history);
    this.events.ring = world.random.pick([0, 3, 100]);
    this.events.deliver();
    this.store = new SimStore({
      clock: world.clock,
      position: () => world.history.position,
      records: world.records,
      travel: (what, arrive) => void (what === "command" ? this.commands : this.replies).push(arrive),
    });
    this.sessions = new ClusterSessions({
      nsp: "/",
      store: this.store,
      events: this.events,
      clock: world.clock,
      recovery: { maxDisconnectionDuration: 120_000, maxSessions: 1000, noticeTime: 45_000 },
      maxReplayBytes: () => 1e6,
      life: `life of ${tag}`,
      tag: () => tag,
      ask: (owner, pid) => world.ask(owner, pid),
      takeAnswers: () => undefined,
      endSocket: (pid) => this.endSocket(pid),
      onError: () => undefined,
      onDropped: () => undefined,
    });
  }

  /** Sends the next event of the log to its sockets. */
  deliver(): void {
    const { number } = this.events.delivered!;
    const event = this.#world.history.events[number];
    if (event === undefined) return;
    this.events.deliver(number + 1);
    const { rooms, except = new Set() } = event.event.opts;
    for (const socket of this.sockets.values()) {
      const isIn = (room: string): boolean => socket.rooms.has(room);
      const isMeant = (rooms.size === 0 || [...rooms].some(isIn)) && ![...except].some(isIn);
      if (isMeant && !this.#hasGot(socket.id, event)) this.#send(socket, event);
    }
  }

  #hasGot(id: string, { number }: LoggedEvent): boolean {
    return this.events.skips.some(([sid, through]) => sid === id && number <= through);
  }

  #send({ connection }: SimSocket, event: LoggedEvent): void {
    if (connection.state === "open") connection.sent.push(event);
  }

  /** A client asks to connect, maybe to resume. */
  async connect(connection: Connection): Promise<void> {
    const { client } = connection;
    const [pid, offset] = [client.pid, client.offset];
    // As the server does: the client has left its earlier connection.
    if (pid !== undefined) this.endSocket(pid);
    const found = pid === undefined ? undefined : await this.sessions.resume(pid, offset);
    if (this.state === "dead") return;
    if (found === undefined || found instanceof SocketIoError) return this.#open(connection, found?.code);
    // The node has learnt that the client is gone.
    if (connection.state === "closed") return this.#giveBack(found.pid);
    try {
      const missed = found.missedPackets;
      const socket = {
        id: found.sid,
        pid: found.pid,
        data: found.data,
        rooms: new Set(found.rooms),
        connection,
        moves: 0,
      };
      this.#admit(socket);
      for (const [, number] of missed) this.#send(socket, this.#world.history.events[(number as number) - 1]!);
      client.onConnected(connection, socket, "recovered");
    } catch (error) {
      if (!(error instanceof SocketIoError)) throw error;
      this.#giveBack(found.pid);
      connection.state = "closed";
      client.onRefused(connection, "too late");
    }
  }

  #giveBack(pid: string): void {
    this.sessions.persist(pid);
    this.sessions.end(pid);
  }

  #open(connection: Connection, refusal: string | undefined): void {
    if (connection.state === "closed") return;
    const id = this.#world.nextId();
    const socket = { id: `s${id}`, pid: `p${id}`, data: id, rooms: new Set(["fixed"]), connection, moves: 0 };
    this.#admit(socket);
    connection.client.onConnected(connection, socket, refusal ?? "new");
  }

  #admit(socket: SimSocket): void {
    this.sessions.open(socket, socket.rooms);
    socket.rooms.add(socket.id);
    this.sockets.set(socket.id, socket);
  }

  /** Ends the connection of a session, as another node has asked for it. */
  endSocket(pid: string): void {
    for (const socket of this.sockets.values()) if (socket.pid === pid) this.lose(socket.connection);
  }

  /** The node learns that a client is gone. */
  lose(connection: Connection): void {
    connection.state = "closed";
    for (const [id, socket] of this.sockets) {
      if (socket.connection !== connection) continue;
      this.sockets.delete(id);
      this.#giveBack(socket.pid);
    }
  }

  kill(): void {
    this.state = "dead";
    this.commands.length = 0;
    this.replies.length = 0;
    void this.sessions.close();
  }
}

/** Everything of one seed. */
export class SimWorld {
  readonly random: Random;
  readonly clock = new FakeClock();
  readonly history = new SimHistory();
  readonly records = new Map<string, SimRecord>();
  readonly nodes: SimNode[] = [];
  readonly clients: SimClient[] = [];
  readonly connections: Connection[] = [];
  #ids = 0;

  constructor(random: Random) {
    this.random = random;
    for (let i = 0; i < 3; i++) this.addNode();
    for (let i = 0; i < 4; i++) this.clients.push(new SimClient(this));
  }

  nextId(): number {
    this.#ids += 1;
    return this.#ids;
  }

  addNode(): void {
    this.nodes.push(new SimNode(this, `t${this.nextId()}`));
  }

  get alive(): SimNode[] {
    return this.nodes.filter(({ state }) => state !== "dead");
  }

  get awake(): SimNode[] {
    return this.nodes.filter(({ state }) => state === "up");
  }

  async ask({ tag, term }: RecordOwner, pid: string): Promise<Buffer | undefined> {
    await Promise.resolve();
    const node = this.awake.find((each) => each.tag === tag);
    return node?.isReachable ? node.sessions.give(pid, term).record : undefined;
  }

  connect(client: SimClient, node: SimNode): void {
    const connection: Connection = { client, node, sent: [], state: "open" };
    this.connections.push(connection);
    client.connection = connection;
    void node.connect(connection);
  }

  /** Returns the offset of an event as a client gets it. */
  offsetOf(event: LoggedEvent): string {
    return formatOffset(event);
  }
}

/** Lets promises settle, and a turn pass. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}
