// Makes the declarations that `tsc -b` has written readable for compilers and targets of years ago. Lines stay where they
// are, for the declaration maps; so do times, by which `tsc -b` knows what to build.
import { readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const packages = fileURLToPath(new URL("../packages", import.meta.url));

/** TypeScript before 5.0 refuses `.ts` in the path of an import; the output has the other names. */
const PATH_OF_IMPORT = /(?<=\b(?:from|import|module)\s*\(?\s*)"(\.{1,2}\/[^"\n]*)\.(m|c)?ts"/g;
/** A class with private members is refused for the target ES5, where there are none. */
const PRIVATE_MEMBER = /^[ \t]*#private;$/gm;

for (const name of readdirSync(packages)) {
  const dist = join(packages, name, "dist");
  for (const path of readdirSync(dist, { recursive: true, encoding: "utf8" })) {
    if (path.endsWith(".d.ts")) rewrite(join(dist, path));
  }
}

function rewrite(file) {
  const given = readFileSync(file, "utf8");
  const text = given.replace(PATH_OF_IMPORT, '"$1.$2js"').replace(PRIVATE_MEMBER, "");
  if (text === given) return;
  const { atime, mtime } = statSync(file);
  writeFileSync(file, text);
  utimesSync(file, atime, mtime);
}
