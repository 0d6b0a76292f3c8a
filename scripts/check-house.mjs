// The house rules of CONTRIBUTING.md that no linter knows.
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const problems = [];

/** The sources of all packages: path from the root to text. */
const sources = new Map();
for (const name of readdirSync(join(root, "packages"))) {
  const folder = join(root, "packages", name, "src");
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith(".ts")) continue;
    const path = join(entry.parentPath, entry.name);
    sources.set(relative(root, path).split(sep).join("/"), readFileSync(path, "utf8"));
  }
}

/** A comment about a whole file is a block: `/**` belongs to one declaration, `//` to the lines below it. */
function checkHeader(file, text) {
  const documented = /^\/\*\*(?:[^*]|\*(?!\/))*\*\/\n(?<next>.*)/.exec(text)?.groups.next;
  if (/^\/\/(?!\/)/.test(text)) problems.push(`${file}: a header is a /* */ block`);
  else if (documented !== undefined && /^(?:import|export (?:[{*]|type \{)|$)/.test(documented)) {
    problems.push(`${file}: a header begins with /*, as nothing is declared below it`);
  }
  if (file.endsWith("/index.ts") && !text.startsWith("/*")) problems.push(`${file}: an index says what it knows`);
}

const MOST_HOT_PATHS = 10;
const HOT_PATH = /\/\/ hot path.*/g;
const MEASURED = /^\/\/ hot path: [\d.]+ % of the server's time in `(?<row>[\w-]+)`$/;
const rows = readFileSync(join(root, "bench/rows-messages.mjs"), "utf8");

/** A mark says which row of the benchmark spends its time there: 116 marks without a figure marked nothing. */
function checkHotPaths() {
  let count = 0;
  for (const [file, text] of sources) {
    for (const [mark] of text.matchAll(HOT_PATH)) {
      count += 1;
      const row = MEASURED.exec(mark)?.groups.row;
      if (row === undefined || !new RegExp(`^  "?${row}"?: `, "m").test(rows)) {
        problems.push(`${file}: "${mark}" does not name a row of bench/rows-messages.mjs and its share there`);
      }
    }
  }
  if (count > MOST_HOT_PATHS) problems.push(`${count} marks "hot path": ${MOST_HOT_PATHS} at most mean something`);
}

/** In how many places a package may need `any`, by its alias. A package that is not here needs none. */
const UNTYPED = { server: 23, client: 37 };
const TYPED_EVENTS = /\/typed-events\.ts$/;

/** `any` has one alias, declared in typed-events.ts: each place that needs it says why. */
function countUntyped() {
  const counts = {};
  for (const [file, text] of sources) {
    if (TYPED_EVENTS.test(file)) continue;
    const code = text.replace(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, "").replace(/^(?:import|export)\s[^;]*?\bfrom\b.*$/gm, "");
    const [, name] = file.split("/");
    counts[name] = (counts[name] ?? 0) + (code.match(/\b(?:Untyped|Unchecked)\b/g)?.length ?? 0);
  }
  for (const [name, count] of Object.entries(counts)) {
    const most = UNTYPED[name] ?? 0;
    if (count > most) problems.push(`packages/${name}: \`any\` in ${count} places, of ${most} at most`);
  }
}

for (const [file, text] of sources) checkHeader(file, text);
countUntyped();
checkHotPaths();

for (const problem of problems) console.error(problem);
console.log(`house rules: ${sources.size} files, ${problems.length} problems`);
process.exit(problems.length > 0 ? 1 : 0);
