// Results of a run: medians, ratios, a line on the terminal, JSON.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { isPinned } from "./contender.mjs";

const RESULTS = fileURLToPath(new URL("results/", import.meta.url));
/** A row is noisy if its rounds differ by more than this fraction of their median. */
const NOISY = 0.3;

export function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** Summarises the rounds of one contender. */
export function summary(rounds) {
  const figures = rounds.map((round) => (typeof round === "number" ? { value: round } : round));
  const values = figures.map(({ value }) => value);
  const result = { spread: (Math.max(...values) - Math.min(...values)) / median(values), rounds: figures };
  for (const key of Object.keys(figures[0])) result[key] = median(figures.map((figure) => figure[key]));
  return result;
}

/** Returns one row of the table, from the summaries by contender. */
export function rowOf({ title, unit, aim, limits, floor }, figures) {
  // The runs of a round are close in time, so their ratio varies less than the ratio of medians.
  const ratio = (name, key = "value") => {
    if (figures[name]?.[key] === undefined) return undefined;
    return median(figures[name].rounds.map((round, index) => round[key] / figures["socket.io"].rounds[index][key]));
  };
  const { portage } = figures;
  const userRatio = ratio("portage", "user");
  const isMet =
    (aim === undefined || ratio("portage") <= aim) &&
    Object.entries(limits ?? {}).every(([key, limit]) => portage[key] <= limit);
  const isNoisy = figures["socket.io"].spread > NOISY || portage.spread > NOISY;
  return {
    userRatio,
    title,
    unit,
    aim,
    limits,
    floor,
    figures,
    ratio: ratio("portage"),
    floorRatio: ratio(floor),
    isMet,
    isNoisy,
  };
}

const fixed = (value) => (value === undefined ? "-" : value >= 1000 ? value.toFixed(0) : value.toFixed(2));
const column = (text, width = 10) => String(text).padStart(width);

/** Returns the aim in words: a ratio, or limits for Portage. */
export function aimOf({ aim, limits }) {
  const parts = Object.entries(limits ?? {}).map(
    ([key, limit]) => `${key === "value" ? "" : `${key} `}≤ ${limit}${key === "p50" ? " ms" : ""}`,
  );
  return [...(aim === undefined ? [] : [String(aim)]), ...parts].join(", ");
}

/** Returns the secondary figures. */
export function besides(figure) {
  const { p50, rss } = figure;
  return [
    ...(p50 === undefined ? [] : [`p50 ${p50.toFixed(0)} ms`]),
    ...(rss === undefined ? [] : [`rss ${rss.toFixed(1)}`]),
  ];
}

export function printHead(rounds) {
  const pinned = isPinned ? "server and load pinned to a core each" : "NOT pinned";
  console.log(
    `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}, ${pinned}, medians of ${rounds} rounds`,
  );
  console.log(`server CPU (user + system); ratios to socket.io; ~ marks rows whose rounds differ by more than 30%\n`);
  const head = ["socket.io", "portage", "floor", "ratio", "user", "floor"].map((text) => column(text));
  console.log(`${"".padEnd(44)}${head.join("")}  aim`);
}

export function printRow(row) {
  const { figures, floor } = row;
  const numbers = [
    figures["socket.io"].value,
    figures.portage.value,
    figures[floor]?.value,
    row.ratio,
    row.userRatio,
    row.floorRatio,
  ];
  const marks = `${row.isMet ? " " : "!"}${row.isNoisy ? "~" : " "}`;
  const extra = ["socket.io", "portage"].flatMap((name) => besides(figures[name]).map((text) => `${name} ${text}`));
  const others = Object.keys(figures).filter((name) => !["socket.io", "portage", floor].includes(name));
  for (const name of others) extra.push(`${name} ${fixed(figures[name].value)}`);
  const cells = numbers.map((value) => column(fixed(value))).join("");
  console.log(`${row.title.padEnd(44)}${cells} ${marks}${aimOf(row).padEnd(16)}${row.unit}  ${extra.join(", ")}`);
}

/** Returns the last results of `save`, or undefined. */
export function saved(name) {
  try {
    return JSON.parse(readFileSync(`${RESULTS}${name}.json`, "utf8"));
  } catch {
    return undefined;
  }
}

/** Writes `results/<name>.json`, which git ignores. */
export function save(name, rounds, content) {
  mkdirSync(RESULTS, { recursive: true });
  const facts = { node: process.version, cpu: cpus()[0]?.model, cores: cpus().length, isPinned, rounds };
  writeFileSync(`${RESULTS}${name}.json`, `${JSON.stringify({ ...facts, ...content }, undefined, 2)}\n`);
}
