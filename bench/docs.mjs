// Writes the last complete results into docs/performance.md, between its markers.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { aimOf, saved } from "./report.mjs";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const FILE = here("../docs/performance.md");

const number = (value, digits = 2) => (value === undefined || value === null ? "-" : value.toFixed(digits));
const amount = (value) => number(value, value >= 100 ? 0 : value >= 10 ? 1 : 2);

/** Returns the lines of a Markdown table; the first column is text, the others are figures. */
function table(head, lines) {
  const rule = head.map((_, index) => (index === 0 ? "---" : "--:"));
  return [head, rule, ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function facts({ node, cpu, cores, isPinned, rounds }) {
  const pinned = isPinned ? "server and load generator on a core each" : "without pinning";
  return `Node ${node.slice(1)}, ${cores} cores of ${cpu}, ${pinned}, medians of ${rounds} rounds.`;
}

function mainTable(content) {
  const besides = ({ p50, rss }) =>
    p50 === undefined ? (rss === undefined ? "" : ` / ${amount(rss)}`) : `, p50 ${number(p50, 0)} ms`;
  const lines = Object.values(content.rows).map((row) => {
    const { figures, floor } = row;
    const cell = (name) => (figures[name] ? amount(figures[name].value) + besides(figures[name]) : "-");
    const title = `${row.title}, ${row.unit}${row.isNoisy ? " ~" : ""}`;
    const ratio = row.isMet ? number(row.ratio) : `**${number(row.ratio)}**`;
    return [
      title,
      cell("socket.io"),
      cell("portage"),
      ratio,
      number(row.userRatio),
      floor ? number(row.floorRatio) : "-",
      aimOf(row),
    ];
  });
  return `${facts(content)}\n\n${table(["work", "socket.io", "portage", "ratio", "user", "floor", "aim"], lines)}`;
}

function websocketTable(content) {
  const lines = Object.values(content.rows).map(({ title, ...row }) => {
    const cell = (name) => amount(row[name].total ?? undefined);
    return [title, cell("ws"), cell("portage"), cell("link"), cell("net"), number(row.portage.total / row.ws.total)];
  });
  return table(["work", "ws", "`WebSocket`", "link", "net", "ratio"], lines);
}

function tailsTable(content) {
  const cell = (figures) =>
    Object.entries(figures)
      .map(([key, value]) => (key === "turn" ? amount(value) : `${key} ${number(value)}`))
      .join(", ");
  const lines = Object.values(content.rows).map((row) => [row.title, cell(row["socket.io"]), cell(row.portage)]);
  return table(["", "socket.io", "portage"], lines);
}

function parserTable(content) {
  const lines = Object.entries(content.rows).map(([title, row]) => {
    return [title, number(row["socket.io"], 0), number(row.portage, 0), number(row.JSON, 0), number(row.ratio)];
  });
  return table(["ns of CPU", "socket.io-parser", "portage", "JSON", "ratio"], lines);
}

function redisTable({ redis, kinds, loads, record, ...content }) {
  const lines = Object.values(loads).flatMap(({ title, figures }) =>
    Object.entries(figures).map(([kind, { nodes, redis: own, sum, ratio, entry }]) => {
      const most = `${Math.round(1000 / own)},000`;
      const stored = entry === 0 ? "-" : number(entry, 0);
      return [`${title}: ${kinds[kind]}`, amount(nodes), amount(own), amount(sum), number(ratio), most, stored];
    }),
  );
  const head = ["", "nodes, µs", "Redis, µs", "sum, µs", "ratio", "a second, at most", "bytes an entry"];
  const session = `An open session takes ${number(record, 0)} bytes of Redis.`;
  return `Redis ${redis}. ${facts(content)}\n\n${table(head, lines)}\n\n${session}`;
}

const tables = {
  latest: mainTable,
  websocket: websocketTable,
  tails: tailsTable,
  parser: parserTable,
  redis: redisTable,
};
let text = readFileSync(FILE, "utf8");
for (const [name, write] of Object.entries(tables)) {
  const content = saved(name);
  if (content === undefined) {
    console.log(`${name}: no results, left as it is`);
    continue;
  }
  const begin = `<!-- ${name} -->\n`;
  const end = `\n<!-- end of ${name} -->`;
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from === -1 || to === -1) throw new Error(`docs/performance.md has no markers for ${name}`);
  text = `${text.slice(0, from + begin.length)}\n${write(content)}\n${text.slice(to)}`;
  console.log(`${name}: written`);
}
writeFileSync(FILE, text);
