import { adviceFor } from "../socketio/report/advice.ts";
import { ACTION_ROWS } from "./action-table.ts";
import type { BoardCore, BoardPart, ViewParams } from "./part.ts";
import { Census } from "./census.ts";
import { endedRow } from "./ended-row.ts";
import { type ProblemRecord, Records } from "./records.ts";
import { PagesOfNodes } from "./node-pages.ts";
import { SessionsView } from "./sessions-view.ts";
import { networkOf } from "./sockets.ts";
import { Stories } from "./stories.ts";
import type { ProblemRow } from "./wire.ts";

/** Rows of a view, unless its parameter `count` asks for up to all. */
const USUAL_ROWS = 200;

function problemRow({ minute, kind, code, count, subjects }: ProblemRecord, core: BoardCore): ProblemRow {
  const names = subjects.map((subject) => {
    if ("sid" in subject) return core.handles.of(subject.sid);
    return "address" in subject ? networkOf(subject.address) : subject.name;
  });
  const texts =
    kind === "action"
      ? { sentence: ACTION_ROWS[code as keyof typeof ACTION_ROWS].sentence, advice: "" }
      : adviceFor(kind, code);
  return { minute, kind, code, count, ...texts, subjects: [...new Set(names)] };
}

/** Makes rows of the newest entries, and returns the same ones until an entry is added. */
class NewestRows<Entry, Row> {
  readonly #records: Records;
  readonly #entries: () => Iterable<Entry>;
  readonly #makeRow: (entry: Entry) => Row;
  #made: { readonly version: number; readonly count: number; readonly rows: readonly Row[] } | undefined;

  constructor(records: Records, entries: () => Iterable<Entry>, makeRow: (entry: Entry) => Row) {
    this.#records = records;
    this.#entries = entries;
    this.#makeRow = makeRow;
  }

  look({ count: asked }: ViewParams): readonly Row[] {
    const { version } = this.#records;
    const count = Math.max(1, Math.min(1024, Number(asked ?? USUAL_ROWS) || USUAL_ROWS));
    if (this.#made?.version === version && this.#made.count === count) return this.#made.rows;
    const rows: Row[] = [];
    for (const entry of this.#entries()) {
      if (rows.length >= count) break;
      rows.push(this.#makeRow(entry));
    }
    this.#made = { version, count, rows };
    return rows;
  }
}

/** The part about connections: open and ended ones, their problems, and the story of each. */
export function createConnections(core: BoardCore): BoardPart {
  const records = new Records(core);
  const census = new Census(core);
  const sessions = new SessionsView(core, census, (sid) => records.slowSince(sid));
  const stories = new Stories(core, census, records);
  const problems = new NewestRows(
    records,
    () => records.problems.newest(),
    (record) => problemRow(record, core),
  );
  const ended = new NewestRows(
    records,
    () => records.ended.newest(),
    (record) => endedRow(record, core),
  );
  const pages = new PagesOfNodes(core, sessions);
  return {
    views: {
      problems: (params) => problems.look(params),
      ended: (params) => ended.look(params),
      connection: (params) => stories.look(params),
    },
    answers: { page: (view, question) => pages.page(view, question) },
    start: () => records.start(),
    stop() {
      records.stop();
      sessions.stop();
    },
  };
}
