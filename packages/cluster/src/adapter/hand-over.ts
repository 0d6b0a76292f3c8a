/*
 * Sessions that move from node to node: a client comes back to another node than it has left.
 *
 * Each node numbers its recoverable events. The log of a node has the events of all in the order of their arrival,
 * each with its origin (node, number). An offset names an entry in the log of one node, so only that node knows what a
 * client lacks. It gives the session away: record, missed events, and its positions, the last numbers that it had of the
 * events of each node. It forgets the session in the same turn.
 *
 * The new node joins that to its own log when the client is connected, in one turn: it adds the events beyond the given
 * positions that it has already, and it skips, for this socket, the events up to those positions that are still to come.
 *
 * Invariant: a session is restored only if both nodes have links to the same nodes, and the log of the new node has each
 * event between the given positions and its own. Else `recovered` is false.
 * What would break it: an event that is numbered and not logged; positions and missed events of different turns.
 */
import {
  decodeValues,
  encodeValues,
  isMeantFor,
  kAnswers,
  type KeptPacket,
  type MissedEvent,
  type PacketOrigin,
  type RestoredSession,
  type SessionToPersist,
  yieldSession,
} from "@portage/server/relay";
import type { BroadcastOptions, Room } from "@portage/server/adapter";
import type { Bus } from "./bus.ts";
import type { LateAnswers } from "./late-answers.ts";
import { encodeMessage } from "./messages.ts";
import type { Part } from "./parts.ts";
import { NodePositions, type Positions } from "./positions.ts";

/** What the adapter of this node does for sessions. */
export interface SessionSide {
  readonly nsp: { readonly name: string };
  restore(pid: string, offset: string): Promise<RestoredSession | null>;
  adopt(session: SessionToPersist, missed: () => readonly MissedEvent[]): RestoredSession;
  forEachOfNodes(visit: (packet: KeptPacket & { readonly origin: PacketOrigin }) => void): void;
  /** Events may have been lost: clients that may lack them can't resume. */
  breakLog(): void;
}

/** A session that another node has given away. */
export interface GivenSession {
  readonly session: SessionToPersist;
  /** The answered events, not checked yet. */
  readonly answers: unknown;
  readonly missed: readonly unknown[][];
  readonly bytes: number;
  readonly positions: Positions;
  /** The tag of the other node, and the nodes that it has links to. */
  readonly nodes: readonly string[];
}

/** Events that a socket has got before they arrive here. */
interface Skip {
  readonly sid: string;
  readonly node: string;
  readonly through: number;
}

/** In the log, the origin of this node's own events: its tag may change. */
const SELF = "";

/** Numbers events, gives sessions away and takes them. */
export class HandOver {
  readonly positions = new NodePositions();
  readonly #side: SessionSide;
  readonly #bus: Bus;
  readonly #late: LateAnswers;
  #skips: Skip[] = [];

  constructor(side: SessionSide, bus: Bus, late: LateAnswers) {
    this.#side = side;
    this.#bus = bus;
    this.#late = late;
  }

  // ---- events --------------------------------------------------------------------------------------------------------

  /** Numbers an event of this node. */
  number(): PacketOrigin {
    return { node: SELF, number: this.positions.next() };
  }

  /** An event of another node has arrived. Returns its receivers, without the sockets that have got it before. */
  receive(node: string, number: number, opts: BroadcastOptions): BroadcastOptions {
    if (this.positions.receive(node, number) === "hole") this.#side.breakLog();
    if (this.#skips.length === 0) return opts;
    const skipped = this.#skips.filter((skip) => skip.node === node && number <= skip.through);
    this.#skips = this.#skips.filter((skip) => skip.node !== node || number < skip.through);
    if (skipped.length === 0) return opts;
    return { ...opts, except: new Set<Room>([...(opts.except ?? []), ...skipped.map(({ sid }) => sid)]) };
  }

  /** Another node has reported the number of its last event. */
  report(node: string, number: number): void {
    if (this.positions.report(node, number) === "hole") this.#side.breakLog();
  }

  /** What was under way from a node will not arrive. */
  lose(node: string): void {
    this.#skips = this.#skips.filter((skip) => skip.node !== node);
  }

  // ---- to another node -----------------------------------------------------------------------------------------------

  /** Gives a session to a node. Returns the message; undefined if this node does not have the session. */
  async give(
    to: string,
    request: number,
    { pid, offset }: { pid: string; offset: string },
  ): Promise<Buffer[] | undefined> {
    yieldSession(this.#side.nsp, pid);
    const restored = await this.#side.restore(pid, offset);
    if (restored === null) return undefined;
    const { sid, rooms, data, [kAnswers]: answers } = restored;
    // Without the offsets of this log.
    const missed = restored.missedPackets.map((event) => event.slice(0, -1));
    const head = {
      sid,
      rooms,
      positions: this.positions.all(this.#bus.tag),
      nodes: [this.#bus.tag, ...this.#bus.nodes()],
    };
    return encodeMessage({
      kind: "GIVEN",
      nsp: this.#side.nsp.name,
      request,
      head,
      parts: encodeValues([data, this.#late.give(pid, to, answers), ...missed]),
    });
  }

  // ---- from another node ---------------------------------------------------------------------------------------------

  /** Takes a session. Null: it can't be restored exactly. */
  take(given: GivenSession): RestoredSession | null {
    if (!this.#isExact(given)) return null;
    const { session, answers, nodes } = given;
    const [from = ""] = nodes;
    const adopted = { ...session, [kAnswers]: this.#late.take(session.pid, from, answers) };
    return this.#side.adopt(adopted, () => this.#missed(given));
  }

  #isExact({ positions, nodes }: GivenSession): boolean {
    const here = new Set([this.#bus.tag, ...this.#bus.nodes()]);
    if (here.size !== nodes.length || !nodes.every((tag) => here.has(tag))) return false;
    const counts = new Map<string, number>();
    this.#forEachBeyond(positions, (_packet, tag) => counts.set(tag, (counts.get(tag) ?? 0) + 1));
    return nodes.every((tag) => {
      const [theirs, ours] = [positions[tag], this.#positionOf(tag)];
      if (theirs === undefined || ours === undefined) return false;
      return ours <= theirs || counts.get(tag) === ours - theirs;
    });
  }

  /** Returns all that the client lacks, and skips what the client has and is still to come here. */
  #missed({ session, missed, bytes, positions }: GivenSession): MissedEvent[] {
    const average = Math.ceil(bytes / Math.max(1, missed.length));
    const events: MissedEvent[] = missed.map((data) => ({ data, bytes: average }));
    this.#forEachBeyond(positions, (packet) => {
      if (!isMeantFor(session, packet.opts, () => true)) return;
      events.push({ data: packet.data.slice(0, -1), bytes: packet.bytes });
    });
    for (const node of this.#bus.nodes()) {
      const through = positions[node] ?? 0;
      if (through > (this.#positionOf(node) ?? 0)) this.#skips.push({ sid: session.sid, node, through });
    }
    return events;
  }

  #positionOf(tag: string): number | undefined {
    return tag === this.#bus.tag ? this.positions.own : this.positions.get(tag);
  }

  /** Visits the events in the log beyond given positions. */
  #forEachBeyond(positions: Positions, visit: (packet: KeptPacket, tag: string) => void): void {
    this.#side.forEachOfNodes((packet) => {
      const { node, number } = packet.origin;
      const tag = node === SELF ? this.#bus.tag : node;
      if (number > (positions[tag] ?? Infinity)) visit(packet, tag);
    });
  }
}

/** Reads a session from a message. Undefined: it is malformed. */
export function givenSession(
  pid: string,
  head: { readonly sid: string; readonly rooms: Room[]; readonly positions: Positions; readonly nodes: string[] },
  parts: readonly Part[],
): GivenSession | undefined {
  const [data, answers, ...missed] = decodeValues(parts) ?? [undefined, undefined, undefined];
  if (!missed.every((event) => Array.isArray(event) && event.length > 0)) return undefined;
  let bytes = 0;
  for (const part of parts) bytes += part.length;
  const { sid, rooms, positions, nodes } = head;
  return { session: { sid, pid, rooms, data }, answers, missed: missed as unknown[][], bytes, positions, nodes };
}
