// Plain words in comments, titles of tests and pages: counts what CONTRIBUTING.md ("Words") asks writers to avoid.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

const HABITS = {
  persons: /\b(?:nobody|somebody|whoever)\b/gi,
  tell: /\b(?:tell|tells|told|telling)\b/gi,
  relatives: /\b(?:(?:of|in|to|from) which|that of|those (?:of|that)|ones? that|what is)\b/gi,
  // "There is no limit" is good English, "it is no limit" is not.
  isNo: /(?<!\bthere )\b(?:is|are|was|were) no(?:ne)?\b(?! (?:longer|more|less|later)\b)/gi,
};

const STRING = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/.source;
const COMMENT = /\/\*[^]*?\*\/|\/\/.*(?:\n\s*\/\/.*)*/.source;
const TITLE = /^[ \t]*(?:describe|it|test)\b[^"`\n]*\(\s*(?:"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`)/gm;
const CODE_BLOCK = /^ *```[^]*?^ *```/gm;

const matches = (text, pattern) => [...text.matchAll(pattern)].map(({ 0: piece, index }) => ({ piece, index }));
/** Strings are matched as well: they may contain what looks like a comment. */
const comments = (text) =>
  matches(text, new RegExp(`${STRING}|${COMMENT}`, "g")).filter(({ piece }) => piece.startsWith("/"));
const prose = (text) => [{ index: 0, piece: text.replace(CODE_BLOCK, (code) => code.replace(/[^\n]/g, " ")) }];

const PAGES = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "docs", "packages"];

/** What is read, by which pattern, and how often per 1,000 words each habit may occur. */
const REGIONS = {
  sources: {
    files: () => find("packages", /\/src\/.*\.ts$/),
    read: comments,
    most: { persons: 0.8, tell: 0.75, relatives: 4.7, isNo: 0.4 },
  },
  tests: {
    files: () => find("test", /\.ts$/),
    read: (text) => [...comments(text), ...matches(text, TITLE)],
    most: { persons: 1.7, tell: 2.1, relatives: 3.9, isNo: Infinity },
  },
  pages: {
    files: () => PAGES.flatMap((page) => find(page, /\.md$/)),
    read: prose,
    most: { persons: 0.2, tell: 0.3, relatives: 0.8, isNo: 0.12 },
  },
};

const SKIPPED = new Set(["node_modules", "dist", "client-dist"]);

function find(path, name) {
  if (statSync(join(root, path)).isFile()) return name.test(path) ? [path] : [];
  const entries = readdirSync(join(root, path)).filter((entry) => !SKIPPED.has(entry));
  return entries.flatMap((entry) => find(`${path}/${entry}`, name));
}

/** Where a comment goes on in the next line, its words are next to each other all the same. */
const joinLines = (piece) => piece.replace(/\n[ \t]*(?:\*|\/\/)?/g, (gap) => " ".repeat(gap.length));

function count({ files, read }) {
  let words = 0;
  const found = Object.fromEntries(Object.keys(HABITS).map((habit) => [habit, []]));
  for (const file of files()) {
    const text = readFileSync(join(root, file), "utf8");
    for (const { piece, index } of read(text)) {
      words += piece.split(/\s+/).length;
      for (const [habit, pattern] of Object.entries(HABITS)) {
        for (const match of joinLines(piece).matchAll(pattern)) {
          const lines = text.slice(0, index + match.index).split("\n");
          const line = text.split("\n")[lines.length - 1].trim();
          found[habit].push(`${file}:${lines.length}: ${line}`);
        }
      }
    }
  }
  return { words, found };
}

/** The ten lines with most of them. */
function worst(places) {
  const lines = new Map();
  for (const line of places) lines.set(line, (lines.get(line) ?? 0) + 1);
  return [...lines].sort(([, a], [, b]) => b - a).slice(0, 10);
}

let failed = false;
for (const [region, { most, ...rest }] of Object.entries(REGIONS)) {
  const { words, found } = count(rest);
  const figures = [];
  for (const [habit, places] of Object.entries(found)) {
    const rate = (1000 * places.length) / words;
    figures.push(`${habit} ${rate.toFixed(2)}`);
    if (rate <= most[habit]) continue;
    failed = true;
    console.error(`${region}: ${habit} ${rate.toFixed(2)} per 1,000 words, at most ${most[habit]}`);
    for (const [line] of worst(places)) console.error(`  ${line}`);
  }
  console.log(`words of ${region}: ${words}; ${figures.join(", ")}`);
}
process.exit(failed ? 1 : 0);
