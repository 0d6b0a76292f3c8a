import { membersOfRoom } from "../socketio/index.ts";
import type { SeenConnection } from "./connection.ts";
import type { BoardCore } from "./part.ts";

/** Words of a filter. */
const MOST_WORDS = 12;

/** Reads a word in which white space is written as in a URL. */
export function readWord(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}

/** Whether a connection matches. */
export type Matches = (connection: SeenConnection) => boolean;

type MakeMatch = (value: string, core: BoardCore) => Matches;

const yes = (value: string): boolean => /^(?:y|yes|true|1)$/i.test(value);

const isIn =
  (room: string): Matches =>
  ({ sockets }) =>
    sockets.some(({ id, nsp }) => membersOfRoom(nsp.adapter.rooms, room).has(id));

/** Words of the form `name:value`. */
const BY_NAME: Readonly<Record<string, MakeMatch>> = {
  transport: (value) => (connection) => connection.transport === value,
  rev: (value) => (connection) => String(connection.session.protocol) === value,
  slow: (value) => (connection) => connection.isSlow === yes(value),
  stuck: (value) => (connection) => connection.isStuck === yes(value),
  state: (value) => (connection) => connection.state === value,
  room: isIn,
  nsp:
    (value) =>
    ({ sockets }) =>
      sockets.some(({ nsp }) => nsp.name === value),
  user: (value) => (connection) => connection.label.toLowerCase().includes(value.toLowerCase()),
  address: (value, core) => (connection) => core.addressOf(connection.address).startsWith(value),
};

/** Words of the form `name>number` and `name<number`. Times are in seconds, sizes in bytes. */
const BY_FIGURE: Readonly<Record<string, (connection: SeenConnection) => number>> = {
  age: ({ age }) => age / 1000,
  rtt: ({ rtt }) => rtt ?? -1,
  queued: ({ queued }) => queued,
  rooms: ({ rooms }) => rooms,
  sockets: ({ sockets }) => sockets.length,
};

/** Text without a name: in the label, a handle, or the beginning of an address. */
function byText(text: string, core: BoardCore): Matches {
  const sid = core.handles.idOf(text);
  const lower = text.toLowerCase();
  return (connection) =>
    connection.session.id === sid ||
    connection.label.toLowerCase().includes(lower) ||
    core.addressOf(connection.address).startsWith(text);
}

function matchOf(word: string, core: BoardCore): Matches {
  const [, name = "", sign = "", value = ""] = /^(\w+)([:<>])([^]+)$/.exec(word) ?? [];
  const figure = sign === ":" || !Object.hasOwn(BY_FIGURE, name) ? undefined : BY_FIGURE[name];
  const bound = Number(value);
  if (figure !== undefined && !Number.isNaN(bound)) {
    return sign === ">" ? (connection) => figure(connection) > bound : (connection) => figure(connection) < bound;
  }
  const make = sign === ":" && Object.hasOwn(BY_NAME, name) ? BY_NAME[name] : undefined;
  return make === undefined ? byText(word, core) : make(value, core);
}

/** Returns whether connections match all words of a filter; undefined for an empty one. */
export function readFilter(text: string, core: BoardCore): Matches | undefined {
  const words = text.split(/\s+/).filter((word) => word !== "");
  if (words.length === 0) return undefined;
  const all = words.slice(0, MOST_WORDS).map((word) => matchOf(readWord(word), core));
  return (connection) => all.every((matches) => matches(connection));
}
