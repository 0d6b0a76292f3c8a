/*
 * Rows of a long table that the server keeps: asks for those in the window, and again every few seconds.
 * Knows: pages, and that one question is under way at a time.
 * Must not know: the content of a row, and how a question travels.
 */
import type { Answer, Page, Refused } from "../../src/dashboard/wire.ts";
import { MOST_PAGES, nextQuestion, PAGE_ROWS, pagesOf, type Span } from "./windowing.ts";

type Ask<Row> = (from: number, count: number) => Promise<Answer<Page<Row>>>;

interface Kept<Row> {
  readonly rows: readonly Row[];
  /** The round of the question for it. */
  readonly round: number;
}

const isRefused = <T>(answer: Answer<T>): answer is Refused => "error" in (answer as object);

/** Keeps pages of one question, the newest {@link MOST_PAGES}. */
export class Pager<Row> {
  /** All rows that match; undefined before the first answer. */
  total: number | undefined = undefined;
  /** Whether rows beyond the first 1,000 can be asked for. */
  exact = true;
  refusal: Refused | undefined = undefined;
  readonly #ask: Ask<Row>;
  readonly #onChange: () => void;
  readonly #pages = new Map<number, Kept<Row>>();
  #wanted: readonly number[] = [0];
  #round = 0;
  #state: "resting" | "asking" | "stopped" = "resting";

  constructor(ask: Ask<Row>, onChange: () => void) {
    this.#ask = ask;
    this.#onChange = onChange;
  }

  rowAt(index: number): Row | undefined {
    return this.#pages.get(Math.floor(index / PAGE_ROWS))?.rows[index % PAGE_ROWS];
  }

  /** Asks for rows in the window that are missing. */
  want(span: Span): void {
    this.#wanted = pagesOf(span);
    void this.#go();
  }

  /** Asks again for rows in the window; the old ones stay until the new ones are there. */
  refresh(): void {
    this.#round += 1;
    void this.#go();
  }

  stop(): void {
    this.#state = "stopped";
  }

  async #go(): Promise<void> {
    if (this.#state !== "resting") return;
    const next = nextQuestion(this.#wanted, (page) => this.#pages.get(page)?.round === this.#round);
    if (next === undefined) return;
    this.#state = "asking";
    const round = this.#round;
    const answer = await this.#ask(next.from, next.to - next.from);
    if (this.#isStopped()) return;
    this.#state = "resting";
    this.refusal = isRefused(answer) ? answer : undefined;
    if (!isRefused(answer)) this.#keep(next, answer, round);
    this.#onChange();
    // after a refusal, the next refresh asks again
    if (this.refusal === undefined) await this.#go();
  }

  #isStopped(): boolean {
    return this.#state === "stopped";
  }

  #keep({ from, to }: Span, { rows, total, exact }: Page<Row>, round: number): void {
    this.total = total;
    this.exact = exact;
    for (const page of pagesOf({ from, to })) {
      const start = page * PAGE_ROWS - from;
      this.#pages.delete(page);
      this.#pages.set(page, { rows: rows.slice(start, start + PAGE_ROWS), round });
    }
    for (const page of this.#pages.keys()) {
      if (this.#pages.size > MOST_PAGES) this.#pages.delete(page);
    }
  }
}
