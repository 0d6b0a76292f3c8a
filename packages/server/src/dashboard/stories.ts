import type { IncomingMessage } from "node:http";
import { kPeekRequest } from "../engine/index.ts";
import { membersOfRoom } from "../socketio/index.ts";
import type { Census } from "./census.ts";
import { connectionRow, type SeenConnection } from "./connection.ts";
import { endedRow } from "./ended-row.ts";
import { HANDLE_LENGTH } from "./handles.ts";
import { safeHandshake } from "./handshake.ts";
import type { BoardCore, ViewParams } from "./part.ts";
import type { EndRecord, Records } from "./records.ts";
import type { BoardSocket } from "./sockets.ts";
import { cutName } from "./text.ts";
import { whyPolling } from "./why-polling.ts";
import type { Answer, ConnectionStory, LifeEvent, WhyPolling } from "./wire.ts";

/** Entries of a timeline, and rooms of a socket. */
const MOST_EVENTS = 200;
const MOST_ROOMS = 100;

/** Tells the stories of connections: one at a time, when a page asks for it. */
export class Stories {
  readonly #core: BoardCore;
  readonly #census: Census;
  readonly #records: Records;

  constructor(core: BoardCore, census: Census, records: Records) {
    this.#core = core;
    this.#census = census;
    this.#records = records;
  }

  async look({ handle = "" }: ViewParams): Promise<Answer<ConnectionStory>> {
    if (handle.length !== HANDLE_LENGTH) return { error: "UNKNOWN" };
    const sid = this.#core.handles.idOf(handle);
    const connection = await this.#find(handle, sid);
    const ended = this.#findEnd(handle, sid);
    if (connection === undefined && ended === undefined) return { error: "UNKNOWN" };
    const id = connection?.session.id ?? ended?.sid ?? "";
    const slowSince = (of: string): number | null => this.#records.slowSince(of);
    return {
      row: connection === undefined ? null : connectionRow(connection, this.#core, slowSince),
      ended: ended === undefined ? null : endedRow(ended, this.#core),
      timeline: this.#timelineOf(id),
      handshake: connection === undefined ? [] : safeHandshake(requestOf(connection)),
      sockets: connection === undefined ? [] : connection.sockets.map((socket) => this.#describe(socket)),
      why: connection === undefined ? null : this.#whyOf(connection),
    };
  }

  #whyOf({ sockets: [socket], transport }: SeenConnection): WhyPolling | null {
    return socket === undefined || transport !== "polling" ? null : whyPolling(this.#core, socket);
  }

  /** Finds an open connection. Handles that were not shown lately are compared one by one. */
  async #find(handle: string, sid: string | undefined): Promise<SeenConnection | undefined> {
    let found: SeenConnection | undefined;
    const { handles } = this.#core;
    const isIt = (id: string): boolean => (sid === undefined ? handles.hash(id) === handle : id === sid);
    await this.#census.run((connection) => {
      if (!isIt(connection.session.id)) return true;
      found = connection;
      return false;
    });
    return found;
  }

  #findEnd(handle: string, sid: string | undefined): EndRecord | undefined {
    const { handles } = this.#core;
    for (const record of this.#records.ended.newest()) {
      if (sid === undefined ? handles.hash(record.sid) === handle : record.sid === sid) return record;
    }
    return undefined;
  }

  /** Returns the newest events, the oldest of them first. */
  #timelineOf(sid: string): LifeEvent[] {
    const events: LifeEvent[] = [];
    for (const { sid: its, ...event } of this.#records.lives.newest()) {
      if (its === sid) events.unshift(event);
      if (events.length === MOST_EVENTS) break;
    }
    return events;
  }

  #describe(socket: BoardSocket): ConnectionStory["sockets"][number] {
    const { id, nsp } = socket;
    // A room may have the id of another socket: for revision 3, the id of its session.
    const rooms = [...membersOfRoom(nsp.adapter.sids, id)].filter((room) => !nsp.sockets.has(room));
    return {
      namespace: cutName(nsp.name),
      handle: this.#core.handles.of(id),
      rooms: rooms.slice(0, MOST_ROOMS).map(cutName),
      pendingAcks: socket.acks.size,
      recovered: socket.recovered,
    };
  }
}

/** Returns the handshake request without unparking it. Sessions of another engine have their own. */
function requestOf({ session }: SeenConnection): IncomingMessage | null {
  const peek = session[kPeekRequest] as (() => IncomingMessage | null) | undefined;
  return peek === undefined ? session.request : peek.call(session);
}
