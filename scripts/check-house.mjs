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

for (const [file, text] of sources) checkHeader(file, text);

for (const problem of problems) console.error(problem);
console.log(`house rules: ${sources.size} files, ${problems.length} problems`);
process.exit(problems.length > 0 ? 1 : 0);
