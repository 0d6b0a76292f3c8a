import {
  type ClientJournal,
  type ClientSession,
  type Journals,
  linesOf,
  type NodeLife,
  type SentEvent,
} from "./journal.ts";

/** An event that a client got. */
interface Receipt {
  readonly life: string;
  readonly n: number;
  /** Its place in the order of all nodes. Undefined: its node was without the log. */
  readonly place: { readonly epoch: string; readonly number: number } | undefined;
}

function receiptsOf({ got }: ClientSession): Receipt[] {
  const receipts: Receipt[] = [];
  for (let at = 0; at < got.length; at += 3) {
    receipts.push({ life: got[at] as string, n: got[at + 1] as number, place: placeOf(got[at + 2]) });
  }
  return receipts;
}

function placeOf(offset: unknown): Receipt["place"] {
  if (typeof offset !== "string" || !/^.{4}[0-9a-z]+$/.test(offset)) return undefined;
  return { epoch: offset.slice(0, 4), number: parseInt(offset.slice(4), 36) };
}

/** Whether an event is meant for a session of a client, which is in one room. */
function isFor({ sid, room, but }: SentEvent, own: string, session: ClientSession): boolean {
  if (sid !== undefined) return sid === session.sid;
  return (room === undefined || room === own) && but !== own;
}

const nameOf = ({ life, n }: { life: string; n: number }): string => `${life}#${n}`;

/** Returns the faults in the events of clients: gaps, doubles, a wrong order, events for others. */
export function faultsOfReceipts(journals: Journals): string[] {
  const sent = new Map(journals.lives.map((life) => [life.life, linesOf(life, "sent")]));
  const places = placesOf(journals);
  return sessionsOf(journals).flatMap(({ client, session }) => {
    const own = journals.rooms[client.id % journals.rooms.length] as string;
    const receipts = receiptsOf(session);
    const meant = (life: string, n: number): boolean => {
      const event = sent.get(life)?.[n];
      return event !== undefined && isFor(event, own, session);
    };
    const faults = [
      ...faultsBySender(receipts, meant, (life) => sent.get(life)?.length ?? 0),
      ...faultsByPlace(receipts, meant, places),
    ];
    const who = `client ${client.id} (${client.kind}), ${session.sid}, ${session.recoveries} recoveries`;
    return faults.map((fault) => `${who}: ${fault}`);
  });
}

function* sessionsIn(journals: Journals): Generator<{ client: ClientJournal; session: ClientSession }> {
  for (const client of journals.clients) for (const session of client.sessions) yield { client, session };
}

const sessionsOf = (journals: Journals): { client: ClientJournal; session: ClientSession }[] => [
  ...sessionsIn(journals),
];

/** Of each sender: its events in its order, all that are meant for the client between the first and the last one. */
function faultsBySender(
  receipts: readonly Receipt[],
  meant: (life: string, n: number) => boolean,
  count: (life: string) => number,
): string[] {
  const last = new Map<string, number>();
  const faults: string[] = [];
  for (const { life, n } of receipts) {
    const before = last.get(life);
    if (!meant(life, n)) faults.push(`${life}#${n} was not for it`);
    if (before !== undefined && n === before) faults.push(`${life}#${n} twice`);
    else if (before !== undefined && n < before) faults.push(`${life}#${n} after ${before}`);
    for (let missed = (before ?? n) + 1; missed < n; missed += 1) {
      if (meant(life, missed)) faults.push(`${life}#${missed} is missing before ${n} of ${count(life)}`);
    }
    last.set(life, Math.max(n, before ?? n));
  }
  return faults;
}

/** The events by their places, as any client saw them. */
type Places = ReadonlyMap<string, ReadonlyMap<number, Receipt>>;

function placesOf(journals: Journals): Places {
  const places = new Map<string, Map<number, Receipt>>();
  for (const { session } of sessionsIn(journals)) {
    for (const receipt of receiptsOf(session)) {
      const { place } = receipt;
      if (place === undefined) continue;
      const numbers = places.get(place.epoch) ?? new Map<number, Receipt>();
      places.set(place.epoch, numbers.set(place.number, receipt));
    }
  }
  return places;
}

/** In each epoch: places rise, and no event that some client got is missing between the first and the last one. */
function faultsByPlace(
  receipts: readonly Receipt[],
  meant: (life: string, n: number) => boolean,
  places: Places,
): string[] {
  const faults: string[] = [];
  const has = new Set(receipts.map(nameOf));
  let before: Receipt["place"];
  for (const { life, n, place } of receipts) {
    if (place === undefined) continue;
    const { epoch, number } = place;
    const events = places.get(epoch);
    const stored = events?.get(number);
    if (stored && nameOf(stored) !== nameOf({ life, n })) faults.push(`${epoch} ${number} is also ${nameOf(stored)}`);
    if (before?.epoch === epoch) {
      if (number <= before.number) faults.push(`${nameOf({ life, n })}: place ${number} after ${before.number}`);
      for (let between = before.number + 1; between < number; between += 1) {
        const missed = events?.get(between);
        if (missed && meant(missed.life, missed.n) && !has.has(nameOf(missed))) {
          faults.push(`${nameOf(missed)} at place ${between} is missing`);
        }
      }
    }
    before = place;
  }
  return faults;
}

/**
 * Returns events that have no common order: each client that got two of them, with places, got them in the same order. What a node
 * delivers without the log has no place.
 */
export function inversions(journals: Journals): string[] {
  const next = new Map<string, Set<string>>();
  const before = new Map<string, number>();
  for (const { session } of sessionsIn(journals)) {
    const names = receiptsOf(session).flatMap((receipt) => (receipt.place === undefined ? [] : [nameOf(receipt)]));
    for (const [at, name] of names.entries()) {
      const followers = next.get(name) ?? new Set<string>();
      next.set(name, followers);
      if (!before.has(name)) before.set(name, 0);
      const follower = names[at + 1];
      if (follower === undefined || followers.has(follower)) continue;
      followers.add(follower);
      before.set(follower, (before.get(follower) ?? 0) + 1);
    }
  }
  const free = [...before].filter(([, count]) => count === 0).map(([name]) => name);
  for (let name = free.pop(); name !== undefined; name = free.pop()) {
    before.delete(name);
    for (const follower of next.get(name) ?? []) {
      const count = (before.get(follower) ?? 0) - 1;
      before.set(follower, count);
      if (count === 0) free.push(follower);
    }
  }
  return [...before.keys()].slice(0, 20);
}

/** How clients came back. */
export interface Returns {
  readonly count: number;
  readonly recovered: number;
  /** Why not, by code. */
  readonly refused: Readonly<Record<string, number>>;
}

export function returnsOf({ lives }: Journals): Returns {
  const returns = lives.flatMap((life) => linesOf(life, "up")).filter(({ isReturn }) => isReturn);
  const refused: Record<string, number> = {};
  for (const { recovered, code = "without a code", why = "" } of returns) {
    const reason = code === "RECOVERY_FAILED" ? `${code}: ${why}` : code;
    if (!recovered) refused[reason] = (refused[reason] ?? 0) + 1;
  }
  return { count: returns.length, recovered: returns.filter(({ recovered }) => recovered).length, refused };
}

/**
 * Returns the faults in the events of clients with `retries`: each answered one has arrived, once in a session. Where the
 * node of its first try was killed it may come again.
 */
export function faultsOfUps({ lives, clients }: Journals): string[] {
  const faults: string[] = [];
  const seen = new Map<string, NodeLife>();
  const arrived = new Set<string>();
  for (const { life, line } of arrivals(lives)) {
    const { sid, client, n } = line;
    const name = `${sid} ${n}`;
    const first = seen.get(name);
    if (first === undefined) seen.set(name, life);
    else if (!first.isKilled) faults.push(`client ${client}: event ${n} of ${sid} on ${first.life} and ${life.life}`);
    arrived.add(`${client} ${n}`);
  }
  for (const { id, answered } of clients) {
    for (const n of answered) if (!arrived.has(`${id} ${n}`)) faults.push(`client ${id}: event ${n} has not arrived`);
  }
  return faults;
}

const arrivals = (lives: readonly NodeLife[]) =>
  lives
    .flatMap((life) => linesOf(life, "got").map((line) => ({ life, line })))
    .sort((one, other) => one.line.at - other.line.at);

/**
 * Returns the sockets that are not where they were after their last awaited move. A move that was not finished is in doubt.
 *
 * @param living where the sockets are, by their ids: whether they are in the room
 */
export function faultsOfRooms({ lives }: Journals, living: ReadonlyMap<string, boolean>): string[] {
  const moves = lives.flatMap((life) => linesOf(life, "moving").map((move) => ({ ...move, life })));
  const last = new Map<string, (typeof moves)[number]>();
  for (const move of moves.sort((one, other) => one.at - other.at)) last.set(move.sid, move);
  const isDone = ({ n, life }: (typeof moves)[number]): boolean => linesOf(life, "moved").some((each) => each.n === n);
  const wrong = [...last.values()].filter((move) => (living.get(move.sid) ?? move.isIn) !== move.isIn && isDone(move));
  return wrong.map(({ sid, isIn }) => `${sid} ${isIn ? "is not" : "is"} in the room`);
}

/** Returns ends of sockets without a code. */
export function endsWithoutCode({ lives }: Journals): string[] {
  const ends = lives.flatMap((life) => linesOf(life, "down"));
  return ends.filter(({ code }) => code === undefined).map(({ sid, reason }) => `${sid}: ${reason}`);
}
