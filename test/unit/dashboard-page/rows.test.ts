import { describe, expect, it } from "vitest";
import type { Answer, Page } from "../../../packages/server/src/dashboard/wire.ts";
import { Pager } from "../../../packages/server/dashboard-page/src/pager.ts";
import {
  MOST_PAGES,
  nextQuestion,
  PAGE_ROWS,
  pagesOf,
  ROW_HEIGHT,
  rowAfterKey,
  scrollFor,
  visibleRows,
} from "../../../packages/server/dashboard-page/src/windowing.ts";

describe("the window of a long table", () => {
  it("draws the rows in it and a few beside it, of 100,000 as of 3", () => {
    expect(visibleRows(0, 360, 100_000)).toEqual({ from: 0, to: 16 });
    expect(visibleRows(50_000 * ROW_HEIGHT, 360, 100_000)).toEqual({ from: 49_994, to: 50_016 });
    expect(visibleRows(100_000 * ROW_HEIGHT, 360, 100_000)).toEqual({ from: 99_994, to: 100_000 });
    expect(visibleRows(0, 360, 3)).toEqual({ from: 0, to: 3 });
    expect(visibleRows(9_000, 360, 0)).toEqual({ from: 0, to: 0 });
  });

  it("asks for missing pages alone, and for 200 rows at most", () => {
    expect(pagesOf({ from: 49, to: 101 })).toEqual([0, 1, 2]);
    expect(nextQuestion([0, 1, 2], (page) => page === 0)).toEqual({ from: 50, to: 150 });
    expect(nextQuestion([0, 1, 2, 3, 4, 5], () => false)).toEqual({ from: 0, to: 200 });
    expect(nextQuestion([0], () => true)).toBeUndefined();
  });

  it("moves with keys, and stays within the table", () => {
    expect(rowAfterKey("ArrowDown", 4, 360, 10)).toBe(5);
    expect(rowAfterKey("ArrowUp", 0, 360, 10)).toBe(0);
    expect(rowAfterKey("PageDown", 0, 360, 100)).toBe(9);
    expect(rowAfterKey("End", 0, 360, 100_000)).toBe(99_999);
    expect(rowAfterKey("toString", 0, 360, 10)).toBeUndefined();
    expect(rowAfterKey("End", 0, 360, 0)).toBeUndefined();
  });

  it("scrolls only as far as the active row needs", () => {
    expect(scrollFor(3, 0, 360)).toBeUndefined();
    expect(scrollFor(10, 0, 360)).toBe(ROW_HEIGHT);
    expect(scrollFor(2, 360, 360)).toBe(2 * ROW_HEIGHT);
  });
});

/** A server with numbers for rows; the test answers its questions. */
function createServer(total: number) {
  const asked: Array<{ from: number; count: number; answer: (answer?: Answer<Page<string>>) => Promise<void> }> = [];
  let round = 0;
  const pager = new Pager<string>(
    (from, count) =>
      new Promise((resolve) => {
        const rows = Array.from({ length: Math.min(count, total - from) }, (_, row) => `${from + row} of ${round}`);
        const whole: Page<string> = { rows, from, total, exact: true };
        asked.push({
          from,
          count,
          async answer(given = whole) {
            resolve(given);
            await Promise.resolve().then(() => undefined);
          },
        });
      }),
    () => undefined,
  );
  return { pager, asked, next: () => (round += 1) };
}

describe("the pager", () => {
  it("has one question under way, and asks next for where the window is then", async () => {
    const { pager, asked } = createServer(100_000);
    pager.want({ from: 0, to: 20 });
    pager.want({ from: 20_000, to: 20_020 });
    pager.want({ from: 90_000, to: 90_020 });
    expect(asked.map(({ from }) => from)).toEqual([0]);
    await asked[0]!.answer();
    expect(asked.map(({ from }) => from)).toEqual([0, 90_000]);
    expect(pager.rowAt(3)).toBe("3 of 0");
    await asked[1]!.answer();
    expect(pager.rowAt(90_000)).toBe("90000 of 0");
    expect(pager.total).toBe(100_000);
  });

  it("shows the old rows until the new ones are there", async () => {
    const { pager, asked, next } = createServer(40);
    pager.want({ from: 0, to: 20 });
    await asked[0]!.answer();
    next();
    pager.refresh();
    expect(pager.rowAt(0)).toBe("0 of 0");
    await asked[1]!.answer();
    expect(pager.rowAt(0)).toBe("0 of 1");
  });

  it("rests after a refusal until the next refresh", async () => {
    const { pager, asked } = createServer(40);
    pager.want({ from: 0, to: 20 });
    await asked[0]!.answer({ error: "UNKNOWN" });
    expect(pager.refusal).toEqual({ error: "UNKNOWN" });
    expect(asked).toHaveLength(1);
    pager.refresh();
    await asked[1]!.answer();
    expect(pager.refusal).toBeUndefined();
    expect(pager.total).toBe(40);
  });

  it("asks once where nothing matches, and where the table has become shorter", async () => {
    const none = createServer(0);
    none.pager.want({ from: 0, to: 0 });
    await none.asked[0]!.answer();
    expect(none.pager.total).toBe(0);
    const { pager, asked } = createServer(60);
    pager.want({ from: 5_000, to: 5_020 });
    await asked[0]!.answer();
    expect([none.asked.length, asked.length]).toEqual([1, 1]);
  });

  it("keeps a bounded number of pages", async () => {
    const { pager, asked } = createServer(100_000);
    for (let page = 0; page <= MOST_PAGES; page += 1) {
      pager.want({ from: page * PAGE_ROWS, to: (page + 1) * PAGE_ROWS });
      await asked[page]!.answer();
    }
    expect(pager.rowAt(0)).toBeUndefined();
    expect(pager.rowAt(PAGE_ROWS)).toBe("50 of 0");
  });

  it("asks for nothing once it is stopped", async () => {
    const { pager, asked } = createServer(100);
    pager.want({ from: 0, to: 20 });
    pager.stop();
    await asked[0]!.answer();
    pager.refresh();
    expect(asked).toHaveLength(1);
    expect(pager.total).toBeUndefined();
  });
});
