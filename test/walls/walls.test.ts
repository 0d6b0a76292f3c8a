import { beforeAll, describe, expect, test } from "vitest";
import { breaches, type Cell, cellOf } from "./cells.ts";
import { CLIENTS, type ClientName } from "./clients.ts";
import { type Outcome, runCell } from "./run.ts";
import { table } from "./table.ts";
import { WALLS, type WallName } from "./walls.ts";

const isFull = process.env["WALLS"] === "full";

/** Walls that stand from the first byte on: they take no time to show what they do. */
const QUICK: readonly WallName[] = [
  "none",
  "strips",
  "forbids",
  "resets",
  "hangs",
  "deaf",
  "mangles",
  "buffers",
  "kilobyte",
  "posts",
  "corks",
];
/** These wait for a time limit. */
const SLOW: ReadonlySet<string> = new Set(["hangs websocket", "deaf websocket"]);

const walls = isFull ? (Object.keys(WALLS) as WallName[]) : QUICK;
const clients = Object.keys(CLIENTS) as ClientName[];
const cells = walls
  .flatMap((wall) => clients.map((client) => cellOf(wall, client)))
  .filter(({ wall, client }) => isFull || (client !== "reference" && !SLOW.has(`${wall} ${client}`)));

/** Milliseconds that each side talks, milliseconds for data to arrive, and the number of parallel cells. */
const [TALK, PATIENCE, AT_ONCE] = isFull ? [6000, 6000, 32] : [300, 10_000, 12];

const outcomes = new Map<Cell, Outcome>();

beforeAll(async () => {
  const left = cells.values();
  const work = async (): Promise<void> => {
    for (const cell of left) outcomes.set(cell, await runCell(cell, TALK, PATIENCE));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (isFull) process.stdout.write(`\n${table(outcomes)}\n`);
}, 600_000);

describe.each(walls.map((wall) => [WALLS[wall].does, wall] as const))("%s", (_does, wall) => {
  for (const cell of cells.filter((each) => each.wall === wall)) {
    test(cell.client, () => {
      const outcome = outcomes.get(cell) as Outcome;
      expect(breaches(cell, outcome), `${cell.because}\n${outcome.said.join("\n")}`).toEqual([]);
    });
  }
});
