import { nextTurn } from "../base/turn.ts";
import { sizeOfRoom } from "../socketio/index.ts";
import type { BoardCore, BoardPart } from "./part.ts";
import { roomKey, roomOf, type Sampler } from "./sampling/sampler.ts";
import { samplerOf } from "./sampling/shared.ts";
import { cutName } from "./text.ts";
import type { NamespaceRow, RoomRow, RoomsView } from "./wire.ts";

/** Rooms and namespaces in a view. */
const MOST_ROOM_ROWS = 50;
const MOST_NAMESPACE_ROWS = 200;
/** Rooms that one turn visits. */
const ROOMS_A_TURN = 1000;

/** A namespace of the server. */
type BoardNamespace = ReturnType<BoardCore["io"]["of"]>;

interface LargeRoom {
  readonly nsp: BoardNamespace;
  readonly room: string;
  readonly members: number;
}

/** The rooms with most members, found without a Set of any: reading `adapter.rooms` would make one for each. */
class LargestRooms {
  #largest: LargeRoom[] = [];
  #least = 0;

  add(nsp: BoardNamespace, room: string): void {
    const members = sizeOfRoom(nsp.adapter.rooms, room);
    if (members <= this.#least || nsp.sockets.has(room)) return;
    this.#largest.push({ nsp, room, members });
    if (this.#largest.length > 2 * MOST_ROOM_ROWS) this.#cut();
  }

  #cut(): void {
    this.#largest = this.#largest.sort((a, b) => b.members - a.members).slice(0, MOST_ROOM_ROWS);
    if (this.#largest.length === MOST_ROOM_ROWS) this.#least = this.#largest.at(-1)?.members ?? 0;
  }

  get rows(): readonly LargeRoom[] {
    this.#cut();
    return this.#largest;
  }
}

function* roomsOf(namespaces: readonly BoardNamespace[]): Generator<readonly [BoardNamespace, string]> {
  for (const nsp of namespaces) for (const room of nsp.adapter.rooms?.keys() ?? []) yield [nsp, room];
}

/** Visits all rooms in several turns. */
function findLargest(namespaces: readonly BoardNamespace[]): Promise<LargestRooms> {
  const largest = new LargestRooms();
  const rooms = roomsOf(namespaces);
  return new Promise((resolve, reject) => {
    const visit = (): void => {
      try {
        for (let count = 0; count < ROOMS_A_TURN; count++) {
          const { done, value } = rooms.next();
          if (done === true) return resolve(largest);
          largest.add(...value);
        }
        nextTurn(visit, undefined);
      } catch (error) {
        reject(error);
      }
    };
    visit();
  });
}

function roomRow(sampler: Sampler, namespace: string, room: string, members: number): RoomRow {
  const share = sampler.rooms.shareOf(roomKey(namespace, room));
  return {
    namespace: cutName(namespace),
    room: cutName(room),
    members,
    share,
    deliveries: share * sampler.out.all.rate,
  };
}

function namespaceRow({ name, sockets, adapter }: BoardNamespace): NamespaceRow {
  // Nearly each socket is alone in the room of its own id.
  return { name: cutName(name), sockets: sockets.size, rooms: Math.max(0, (adapter.rooms?.size ?? 0) - sockets.size) };
}

/** The part about namespaces and rooms. */
export function createRooms(core: BoardCore): BoardPart {
  const shared = samplerOf(core);
  const { sampler } = shared;
  const { io } = core;
  const busiest = (wanted: string | undefined): RoomRow[] =>
    sampler.rooms
      .top(MOST_ROOM_ROWS)
      .map(({ key }) => roomOf(key))
      .filter(({ namespace }) => wanted === undefined || namespace === wanted)
      .map(({ namespace, room }) => {
        const rooms = io._nsps.get(namespace)?.adapter.rooms;
        return roomRow(sampler, namespace, room, rooms === undefined ? 0 : sizeOfRoom(rooms, room));
      });
  return {
    views: {
      async rooms({ nsp: wanted }): Promise<RoomsView> {
        const all = [...io._nsps.values()];
        const largest = await findLargest(wanted === undefined ? all : all.filter(({ name }) => name === wanted));
        return {
          namespaces: all
            .map(namespaceRow)
            .sort((a, b) => b.sockets - a.sockets)
            .slice(0, MOST_NAMESPACE_ROWS),
          byMembers: largest.rows.map(({ nsp, room, members }) => roomRow(sampler, nsp.name, room, members)),
          byDeliveries: busiest(wanted),
        };
      },
    },
    start: () => shared.start(),
    stop: () => shared.stop(),
  };
}
