import { Socket } from "../index.ts";
import { kCongestion } from "../engine/index.ts";
import { sizeOfRoom, membersOfRoom } from "../socketio/index.ts";
import { kSlots } from "../socketio/keys.ts";
import type { BoardCore } from "./part.ts";
import { ageOf, type BoardSession, type BoardSocket, roundTripOf } from "./sockets.ts";
import type { ConnectionRow } from "./wire.ts";

/** Milliseconds on polling after which a client that may upgrade is stuck. */
const STUCK = 30_000;

const isSocket = (place: unknown): place is BoardSocket => place instanceof Socket;

/** Returns the sockets of a client. */
function socketsOf(socket: BoardSocket): readonly BoardSocket[] {
  const slots = socket.client[kSlots];
  // Most clients join one namespace.
  return slots.size === 1 ? [socket] : slots.all().filter(isSocket);
}

/** Whether a socket stands for its session: others of the same session are left out of a census. */
export const isLeading = (socket: BoardSocket): boolean => socketsOf(socket)[0] === socket;

/** A session with its sockets, as the views see it. Reads figures when they are asked for, and changes nothing. */
export class SeenConnection {
  readonly session: BoardSession;
  readonly sockets: readonly BoardSocket[];
  readonly #core: BoardCore;

  constructor(socket: BoardSocket, core: BoardCore) {
    this.session = socket.conn;
    this.sockets = socketsOf(socket);
    this.#core = core;
  }

  get transport(): string {
    return this.session.transport?.name ?? "";
  }

  get address(): string {
    return this.session.remoteAddress ?? "";
  }

  get age(): number {
    return ageOf(this.session, this.#core.clock.now());
  }

  get rtt(): number | null {
    return roundTripOf(this.session);
  }

  get queued(): number {
    return this.session.bufferedBytes ?? 0;
  }

  get isSlow(): boolean {
    return this.session[kCongestion]?.isSlow === true;
  }

  /** Events that a policy for slow readers left out. */
  get dropped(): number {
    return this.session[kCongestion]?.dropped ?? 0;
  }

  get label(): string {
    for (const socket of this.sockets) {
      const label = this.#core.labelOf(socket);
      if (label !== "") return label;
    }
    return "";
  }

  /** The rooms of all its sockets, without the rooms of their own ids. */
  get rooms(): number {
    let count = 0;
    for (const { id, nsp } of this.sockets) {
      // Nearly each socket is in the room of its own id. A socket in one room is in that one.
      const rooms = sizeOfRoom(nsp.adapter.sids, id);
      count += rooms <= 1 ? 0 : rooms - (membersOfRoom(nsp.adapter.sids, id).has(id) ? 1 : 0);
    }
    return count;
  }

  get isStuck(): boolean {
    const { session } = this;
    // Sessions of another engine have no such method.
    const mayUpgrade = (session.getAvailableUpgrades as (() => string[]) | undefined)?.call(session).length ?? 0;
    return mayUpgrade > 0 && this.age > STUCK;
  }

  get state(): ConnectionRow["state"] {
    const { readyState, transport } = this.session;
    if (readyState !== "open") return "closing";
    return transport?.readyState === "closed" ? "adrift" : "open";
  }
}

/** Returns when a session became a slow reader, in milliseconds since 1970. */
export type SlowSince = (sid: string) => number | null;

/** Returns the row of a connection. */
export function connectionRow(connection: SeenConnection, core: BoardCore, slowSince: SlowSince): ConnectionRow {
  const { session, isSlow } = connection;
  const rates = core.ratesOf(session.id);
  return {
    handle: core.handles.of(session.id),
    label: connection.label,
    state: connection.state,
    transport: connection.transport,
    stuck: connection.isStuck,
    revision: session.protocol ?? 4,
    address: core.addressOf(connection.address),
    age: connection.age,
    rtt: connection.rtt,
    queued: connection.queued,
    slowSince: isSlow ? slowSince(session.id) : null,
    dropped: connection.dropped,
    sockets: connection.sockets.length,
    rooms: connection.rooms,
    in: rates.in,
    out: rates.out,
  };
}
