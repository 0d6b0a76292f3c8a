/*
 * Which rows of a long table are drawn, and which are asked for.
 * Knows: rows of a fixed height, and pages of rows.
 * Must not know: the document, and the content of a row.
 */

/** Pixels of a row. Firefox draws elements of up to 17.9 million pixels: 497,000 rows. */
export const ROW_HEIGHT = 36;
/** Rows of a page: what the cache keeps and drops together. */
export const PAGE_ROWS = 50;
/** Rows that one question may ask for. */
const MOST_ROWS = 200;
/** Pages that stay in the cache: 5,000 rows. */
export const MOST_PAGES = 100;
/** Rows above and below the window that are drawn as well. */
const BEYOND = 6;
const MOST_TABLE_ROWS = 450_000;

export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Returns how many rows a table draws of `total`. */
export const drawnRows = (total: number): number => Math.min(total, MOST_TABLE_ROWS);

/** Returns the rows to draw for a window of a table; `to` is the row after the last. */
export function visibleRows(scrollTop: number, height: number, total: number): Span {
  const first = Math.floor(Math.max(0, scrollTop) / ROW_HEIGHT) - BEYOND;
  const last = Math.ceil((Math.max(0, scrollTop) + height) / ROW_HEIGHT) + BEYOND;
  const to = Math.min(total, last);
  return { from: Math.max(0, Math.min(first, to)), to };
}

/** Returns the pages that hold some rows. */
export function pagesOf({ from, to }: Span): number[] {
  const first = Math.floor(from / PAGE_ROWS);
  const last = Math.max(first, Math.ceil(to / PAGE_ROWS) - 1);
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** Returns the first question for pages that are missing, as a range of rows; undefined if all are here. */
export function nextQuestion(pages: readonly number[], isHere: (page: number) => boolean): Span | undefined {
  const first = pages.find((page) => !isHere(page));
  if (first === undefined) return undefined;
  let last = first;
  while (pages.includes(last + 1) && !isHere(last + 1) && (last + 2 - first) * PAGE_ROWS <= MOST_ROWS) last += 1;
  return { from: first * PAGE_ROWS, to: (last + 1) * PAGE_ROWS };
}

/** Returns how far to scroll so that a row is in the window; undefined if it is. */
export function scrollFor(row: number, scrollTop: number, height: number): number | undefined {
  const top = row * ROW_HEIGHT;
  if (top < scrollTop) return top;
  if (top + ROW_HEIGHT > scrollTop + height) return top + ROW_HEIGHT - height;
  return undefined;
}

/** How a key moves the active row of a table. */
const MOVES: Record<string, (row: number, page: number, last: number) => number> = {
  ArrowDown: (row) => row + 1,
  ArrowUp: (row) => row - 1,
  PageDown: (row, page) => row + page,
  PageUp: (row, page) => row - page,
  Home: () => 0,
  End: (_row, _page, last) => last,
};

/** Returns the row that a key moves to; undefined for any other key. */
export function rowAfterKey(key: string, row: number, height: number, total: number): number | undefined {
  const move = Object.hasOwn(MOVES, key) ? MOVES[key] : undefined;
  if (move === undefined || total === 0) return undefined;
  const page = Math.max(1, Math.floor(height / ROW_HEIGHT) - 1);
  return Math.max(0, Math.min(total - 1, move(row, page, total - 1)));
}
