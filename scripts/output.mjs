// Improves what `tsc -b` has written. Lines stay where they are, for the maps; so do times, by which `tsc -b` knows what to
// build.
import { readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withoutComments } from "./lean.mjs";

const packages = fileURLToPath(new URL("../packages", import.meta.url));

for (const name of readdirSync(packages)) {
  const dist = join(packages, name, "dist");
  for (const path of readdirSync(dist, { recursive: true, encoding: "utf8" })) {
    if (path.endsWith(".d.ts")) rewrite(join(dist, path), forOldCompilers);
    else if (path.endsWith(".js")) rewrite(join(dist, path), lean);
  }
}

function rewrite(file, improve) {
  const given = readFileSync(file, "utf8");
  const text = improve(given);
  if (text === given) return;
  const { atime, mtime } = statSync(file);
  writeFileSync(file, text);
  utimesSync(file, atime, mtime);
}

/** Makes declarations readable for compilers and targets of years ago. */
function forOldCompilers(text) {
  // TypeScript before 5.0 refuses `.ts` in the path of an import; the output has the other names.
  const pathOfImport = /(?<=\b(?:from|import|module)\s*\(?\s*)"(\.{1,2}\/[^"\n]*)\.(m|c)?ts"/g;
  // A class with private members is refused for the target ES5, where there are none.
  const privateMember = /^[ \t]*#private;$/gm;
  return text.replace(pathOfImport, '"$1.$2js"').replace(privateMember, "");
}

/** What a running program does not need is left out. */
function lean(text) {
  return withoutComments(withConstantExports(text));
}

/**
 * Gives each export its value by one assignment. `tsc` assigns `undefined` first, and has accessors for what comes from
 * another file; V8 takes a property that was written once for a constant, also in the code of other modules: an event
 * costs a tenth less CPU. There are no import cycles, so that the value is there.
 */
function withConstantExports(text) {
  if (text.includes("__exportStar(")) return text;
  return text
    .replace(/^(?:exports\.\w+ = )+void 0;$/gm, "")
    .replace(
      /^Object\.defineProperty\(exports, "(\w+)", { enumerable: true, get: function \(\) { return (\w+\.\w+); } }\);$/gm,
      "exports.$1 = $2;",
    );
}
