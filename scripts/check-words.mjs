// Plain words in comments, titles of tests and pages: counts what CONTRIBUTING.md ("Words") asks writers to avoid.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** What to avoid, and how often per 1,000 words it may occur. */
const HABITS = {
  persons: { most: 0.2, words: /\b(?:nobody|somebody|whoever)\b/gi },
  tell: { most: 0.3, words: /\b(?:tell|tells|told|telling)\b/gi },
  relatives: { most: 0.8, words: /\b(?:(?:of|in|to|from) which|that of|those (?:of|that)|ones? that|what is)\b/gi },
  // "There is no limit" is good English, "it is no limit" is not.
  isNo: { most: 0, words: /(?<!\bthere )\b(?:is|are|was|were) no(?:ne)?\b(?! (?:longer|more|less|later)\b)/gi },
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

/** What is read, and which pieces of it. */
const REGIONS = {
  sources: { path: /^packages\/\w+\/(?:dashboard-page\/)?src\/.*\.tsx?$/, read: comments },
  tests: { path: /^test\/.*\.ts$/, read: (text) => [...comments(text), ...matches(text, TITLE)] },
  pages: { path: /\.md$/, read: prose },
};

const list = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { cwd: root });
const files = list.toString().trim().split("\n");

/** Where a comment goes on in the next line, its words are next to each other all the same. */
const joinLines = (piece) => piece.replace(/\n[ \t]*(?:\*|\/\/)?/g, (gap) => " ".repeat(gap.length));

function count({ path, read }) {
  let words = 0;
  const found = Object.fromEntries(Object.keys(HABITS).map((habit) => [habit, []]));
  for (const file of files.filter((each) => path.test(each))) {
    const text = readFileSync(join(root, file), "utf8");
    for (const { piece, index } of read(text)) {
      words += piece.split(/\s+/).length;
      for (const [habit, { words: pattern }] of Object.entries(HABITS)) {
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
for (const [region, source] of Object.entries(REGIONS)) {
  const { words, found } = count(source);
  const figures = [];
  for (const [habit, places] of Object.entries(found)) {
    const rate = (1000 * places.length) / words;
    figures.push(`${habit} ${rate.toFixed(2)}`);
    if (rate <= HABITS[habit].most) continue;
    failed = true;
    console.error(`${region}: ${habit} ${rate.toFixed(2)} per 1,000 words, at most ${HABITS[habit].most}`);
    for (const [line] of worst(places)) console.error(`  ${line}`);
  }
  console.log(`words of ${region}: ${words}; ${figures.join(", ")}`);
}
process.exit(failed ? 1 : 0);
