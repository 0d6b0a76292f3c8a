import { membersOfRoom } from "../socketio/index.ts";
import type { Census } from "./census.ts";
import { type SeenConnection, connectionRow, type SlowSince } from "./connection.ts";
import { type Matches, readFilter, readWord } from "./filter.ts";
import type { BoardCore } from "./part.ts";
import type { BoardSocket } from "./sockets.ts";
import type { Answer, ConnectionOrder, ConnectionRow, Page, PageQuestion } from "./wire.ts";

/** Rows that an order other than the natural one shows. */
const MOST_ORDERED = 1000;
/** Milliseconds for which an answer is good for other pages too. */
const FRESH = 1000;
const MOST_ANSWERS = 16;

/** What the rows are ordered by. */
const FIGURES: Readonly<
  Record<Exclude<ConnectionOrder, "natural">, (connection: SeenConnection, core: BoardCore) => number>
> = {
  age: ({ age }) => age,
  rtt: ({ rtt }) => rtt ?? -1,
  queued: ({ queued }) => queued,
  dropped: ({ dropped }) => dropped,
  rooms: ({ rooms }) => rooms,
  in: ({ session }, core) => core.ratesOf(session.id).in,
  out: ({ session }, core) => core.ratesOf(session.id).out,
};

type ConnectionPage = Page<ConnectionRow>;

/** Takes connections of a census, and returns a page of them at its end. */
interface RowTaker {
  take(connection: SeenConnection): void;
  rows(): readonly SeenConnection[];
  readonly total: number;
  readonly exact: boolean;
}

/** The connections, the oldest first. */
class NaturalRows implements RowTaker {
  readonly exact = true;
  readonly #from: number;
  readonly #end: number;
  readonly #rows: SeenConnection[] = [];
  total = 0;

  constructor({ from, count }: PageQuestion) {
    this.#from = from;
    this.#end = from + count;
  }

  take(connection: SeenConnection): void {
    if (this.total >= this.#from && this.total < this.#end) this.#rows.push(connection);
    this.total += 1;
  }

  rows(): readonly SeenConnection[] {
    return this.#rows;
  }
}

interface Ranked {
  readonly connection: SeenConnection;
  readonly figure: number;
}

/** The connections with the largest or the smallest figures. */
class RankedRows implements RowTaker {
  readonly #figure: (connection: SeenConnection) => number;
  readonly #question: PageQuestion;
  /** At most twice as many as are shown. */
  #ranked: Ranked[] = [];
  /** A connection below this figure is not among the first. */
  #bar = -Infinity;
  total = 0;

  constructor(question: PageQuestion, figure: (connection: SeenConnection) => number) {
    this.#question = question;
    this.#figure = question.descending ? figure : (connection) => -figure(connection);
  }

  get exact(): boolean {
    return this.total <= MOST_ORDERED;
  }

  take(connection: SeenConnection): void {
    this.total += 1;
    const figure = this.#figure(connection);
    if (figure <= this.#bar) return;
    this.#ranked.push({ connection, figure });
    if (this.#ranked.length >= 2 * MOST_ORDERED) this.#prune();
  }

  #prune(): void {
    this.#ranked = this.#ranked.sort((one, other) => other.figure - one.figure).slice(0, MOST_ORDERED);
    if (this.#ranked.length === MOST_ORDERED) this.#bar = this.#ranked.at(-1)?.figure ?? -Infinity;
  }

  rows(): readonly SeenConnection[] {
    this.#prune();
    const { from, count } = this.#question;
    return this.#ranked.slice(from, from + count).map(({ connection }) => connection);
  }
}

/** Reads a question for the members of a room: `nsp:<name> room:<name>`. A name of a room may have any characters. */
function readRoom(filter: string): { readonly namespace: string; readonly room: string } | undefined {
  const { namespace, room } = /^nsp:(?<namespace>\S+) room:(?<room>[^]*)$/.exec(filter)?.groups ?? {};
  if (namespace === undefined || room === undefined) return undefined;
  return { namespace: readWord(namespace), room: readWord(room) };
}

/** Answers questions for rows of connections, and of the members of a room. */
export class SessionsView {
  readonly #core: BoardCore;
  readonly #census: Census;
  readonly #slowSince: SlowSince;
  /** Answers of the last second, and answers under way; the oldest first. */
  readonly #answers = new Map<string, { readonly at: number; readonly page: Promise<Answer<ConnectionPage>> }>();

  constructor(core: BoardCore, census: Census, slowSince: SlowSince) {
    this.#core = core;
    this.#census = census;
    this.#slowSince = slowSince;
  }

  page(view: "connections" | "members", question: PageQuestion): Promise<Answer<ConnectionPage>> {
    const key = JSON.stringify([view, question]);
    const now = this.#core.clock.now();
    for (const [other, { at }] of this.#answers) {
      if (now - at >= FRESH || this.#answers.size >= MOST_ANSWERS) this.#answers.delete(other);
    }
    const known = this.#answers.get(key);
    if (known !== undefined) return known.page;
    const page = view === "members" ? this.#members(question) : this.#connections(question);
    this.#answers.set(key, { at: now, page });
    return page;
  }

  /** Forgets the answers: they would be kept as long as no page asks. */
  stop(): void {
    this.#answers.clear();
  }

  async #connections(question: PageQuestion): Promise<Answer<ConnectionPage>> {
    const taker = this.#takerFor(question);
    if (taker === undefined) return { error: "BAD_QUESTION" };
    const matches = readFilter(question.filter, this.#core);
    await this.#census.run((connection) => this.#visit(connection, taker, matches));
    return this.#answer(question, taker);
  }

  async #members(question: PageQuestion): Promise<Answer<ConnectionPage>> {
    const named = readRoom(question.filter);
    const nsp = named === undefined ? undefined : this.#core.io._nsps.get(named.namespace);
    const taker = this.#takerFor(question);
    if (named === undefined || nsp === undefined || taker === undefined) return { error: "UNKNOWN" };
    const members = membersOfRoom(nsp.adapter.rooms, named.room);
    await this.#census.runOver(socketsIn(members, nsp.sockets), (connection) => this.#visit(connection, taker));
    return this.#answer(question, taker);
  }

  #takerFor(question: PageQuestion): RowTaker | undefined {
    const { order } = question;
    if (order === "natural") return new NaturalRows(question);
    if (!Object.hasOwn(FIGURES, order)) return undefined;
    const figure = FIGURES[order as keyof typeof FIGURES];
    return new RankedRows(question, (connection) => figure(connection, this.#core));
  }

  #visit(connection: SeenConnection, taker: RowTaker, matches?: Matches): void {
    if (matches === undefined || matches(connection)) taker.take(connection);
  }

  #answer({ from }: PageQuestion, taker: RowTaker): ConnectionPage {
    const rows = taker.rows().map((connection) => connectionRow(connection, this.#core, this.#slowSince));
    return { rows, from, total: taker.total, exact: taker.exact };
  }
}

/** Returns the sockets with some ids, as far as they are connected. */
function* socketsIn(ids: Iterable<string>, sockets: ReadonlyMap<string, BoardSocket>): Generator<BoardSocket> {
  for (const id of ids) {
    const socket = sockets.get(id);
    if (socket !== undefined) yield socket;
  }
}
