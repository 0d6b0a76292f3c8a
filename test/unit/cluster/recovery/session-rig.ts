import { SocketIoError } from "@portage/server/relay";
import { ClusterSessions } from "../../../../packages/cluster/src/recovery/sessions.ts";
import type { RecordOwner } from "../../../../packages/cluster/src/recovery/store.ts";
import { SimEvents, SimHistory } from "../../../support/cluster/sim-events.ts";
import { SimStore } from "../../../support/cluster/sim-store.ts";
import { FakeClock } from "../../support/fake-clock.ts";

/** Lets promises settle, and turns pass. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A connected socket of a test. */
export interface RigSocket {
  id: string;
  pid: string;
  data: unknown;
}

/** The sessions of one node. */
class RigNode {
  readonly tag: string;
  readonly events: SimEvents;
  readonly sessions: ClusterSessions;
  readonly errors: unknown[] = [];
  /** The private ids of the sockets that were ended. */
  readonly ended: string[] = [];
  /** Whether it answers other nodes. */
  isReachable = true;
  maxReplayBytes = 1e6;

  constructor(rig: SessionRig, tag: string) {
    this.tag = tag;
    this.events = new SimEvents(rig.history);
    this.events.deliver();
    this.sessions = new ClusterSessions({
      nsp: "/",
      store: rig.store,
      events: this.events,
      clock: rig.clock,
      recovery: { maxDisconnectionDuration: 120_000, maxSessions: 3, noticeTime: 45_000 },
      maxReplayBytes: () => this.maxReplayBytes,
      life: `life of ${tag}`,
      tag: () => tag,
      ask: (owner, pid) => rig.ask(owner, pid),
      takeAnswers: () => undefined,
      endSocket: (pid) => {
        this.ended.push(pid);
        this.sessions.persist(pid);
        this.sessions.end(pid);
      },
      onError: (error) => this.errors.push(error),
      onDropped: () => this.errors.push("dropped"),
    });
  }

  /** Connects a socket, new or resumed. */
  open(socket: RigSocket, rooms: string[] = []): void {
    this.sessions.open(socket, rooms);
  }

  /** Resumes a session as a socket does. Returns what its client misses, or the code of the refusal. */
  async resume(pid: string, offset = "", beforeConnect: () => void = () => undefined): Promise<unknown> {
    const found = await this.sessions.resume(pid, offset);
    if (found instanceof SocketIoError) return found.code;
    beforeConnect();
    const { sid, rooms, data } = found;
    const missed = found.missedPackets.map(([, number]) => number);
    this.open({ id: sid, pid, data }, rooms);
    return missed;
  }
}

/** Nodes with one log and one store. */
class SessionRig {
  readonly clock = new FakeClock();
  readonly history = new SimHistory();
  readonly store = new SimStore({ clock: this.clock, position: () => this.history.position });
  readonly #nodes = new Map<string, RigNode>();

  node(tag: string): RigNode {
    const node = new RigNode(this, tag);
    this.#nodes.set(tag, node);
    return node;
  }

  /** The process of a node ends. */
  kill(tag: string): void {
    this.#nodes.delete(tag);
  }

  async ask({ tag, term }: RecordOwner, pid: string): Promise<Buffer | undefined> {
    await Promise.resolve();
    const node = this.#nodes.get(tag);
    return node?.isReachable ? node.sessions.give(pid, term).record : undefined;
  }

  /** Time passes, and all that it causes happens. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 1000) {
      this.clock.advance(Math.min(1000, ms - passed));
      await settle();
    }
  }
}

/** Two nodes, and a socket at the first one. */
export async function pairOfNodes(rooms: string[] = []) {
  const rig = new SessionRig();
  const [a, b] = [rig.node("aaaa"), rig.node("bbbb")];
  const socket: RigSocket = { id: "sid", pid: "pid", data: { user: 1 } };
  a.open(socket, rooms);
  await settle();
  /** Adds events that both nodes deliver. */
  const emit = (...rooms_: (string | undefined)[]): void => {
    for (const room of rooms_) rig.history.add(room);
    a.events.deliver();
    b.events.deliver();
  };
  return { rig, a, b, socket, emit };
}

export const offset = (number: number, epoch = "ep-1"): string => epoch + number.toString(36);
