import { breaches, type Cell, isNamed } from "./cells.ts";
import type { Outcome } from "./run.ts";
import { WALLS } from "./walls.ts";

const seconds = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

/** One cell: time to connect, then whatever went wrong. `?`: holds once a feature has landed; `!`: does not hold. */
function format(cell: Cell, outcome: Outcome): string {
  const { connected, disconnects, lost, doubled, reordered, unsettled, gap } = outcome;
  const counts = { disc: disconnects, lost, doubled, reordered, acks: unsettled };
  const faults = Object.entries(counts).flatMap(([name, count]) => (count ? `${count} ${name}` : []));
  if (gap > 1000) faults.push(`gap ${seconds(gap)}`);
  if (isNamed(cell, outcome) === false) faults.push("not named");
  const mark = breaches(cell, outcome).length === 0 ? "" : cell.awaits ? "? " : "! ";
  return mark + [connected === undefined ? "never" : seconds(connected), ...faults].join(", ");
}

/** Walls in rows, clients in columns. */
export function table(outcomes: ReadonlyMap<Cell, Outcome>): string {
  const rows = new Map<string, string[]>();
  const clients = new Set<string>();
  for (const [cell, outcome] of [...outcomes].sort(([a], [b]) => order(a) - order(b))) {
    clients.add(cell.client);
    const row = rows.get(cell.wall) ?? [WALLS[cell.wall].name];
    rows.set(cell.wall, [...row, format(cell, outcome)]);
  }
  const all = [["wall", ...clients], ...rows.values()];
  const widths = all[0]!.map((_name, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const lines = all.map((row) =>
    row
      .map((text, column) => text.padEnd(widths[column]!))
      .join(" | ")
      .trimEnd(),
  );
  return [
    ...lines,
    "",
    "Time to the first connect; disc: disconnects; lost, doubled, reordered messages; acks: callbacks never called.",
    "`!` does not hold, `?` waits for a feature that has not landed.",
  ].join("\n");
}

/** The table sorts cells by wall, as they end in any order. */
const NAMES = Object.keys(WALLS);
const order = (cell: Cell): number => NAMES.indexOf(cell.wall);
