import { breaches, type Cell, isNamed } from "./cells.ts";
import { CLIENTS } from "./clients.ts";
import type { Outcome } from "./run.ts";
import { WALLS } from "./walls.ts";

const seconds = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

/** One cell: time to connect, then whatever went wrong. `!`: does not hold. */
function format(cell: Cell, outcome: Outcome): string {
  const { connected, disconnects, lost, doubled, reordered, unsettled, gap } = outcome;
  const counts = { disc: disconnects, lost, doubled, reordered, acks: unsettled };
  const faults = Object.entries(counts).flatMap(([name, count]) => (count ? `${count} ${name}` : []));
  if (gap > 1000) faults.push(`gap ${seconds(gap)}`);
  if (isNamed(cell, outcome) === false) faults.push("not named");
  const mark = breaches(cell, outcome).length === 0 ? "" : "! ";
  return mark + [connected === undefined ? "never" : seconds(connected), ...faults].join(", ");
}

/** Walls in rows, clients in columns. */
export function table(outcomes: ReadonlyMap<Cell, Outcome>): string {
  const cells = [...outcomes].map(([cell, outcome]) => ({ ...cell, text: format(cell, outcome) }));
  const clients = Object.keys(CLIENTS);
  const rows = Object.entries(WALLS).map(([key, { name }]) => [
    name,
    ...clients.map((client) => cells.find((cell) => cell.wall === key && cell.client === client)?.text ?? ""),
  ]);
  const all = [["wall", ...clients], ...rows];
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
    "`!` does not hold.",
  ].join("\n");
}
