// Takes `dist` of a package away when something in it was built from a source that is gone: it would be packed as well.
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const packages = fileURLToPath(new URL("../packages", import.meta.url));

/** Whether a compiled file has a source; declarations are what the compiler alone writes, one for each source. */
function isStale(name, file) {
  if (!file.endsWith(".d.ts")) return false;
  return !existsSync(join(packages, name, "src", file.replace(/\.d\.ts$/, ".ts")));
}

for (const name of readdirSync(packages)) {
  const dist = join(packages, name, "dist");
  const files = existsSync(dist) ? readdirSync(dist, { recursive: true }) : [];
  // The compiler's record of what is up to date lies there too: it builds everything anew.
  if (files.some((file) => isStale(name, file))) rmSync(dist, { recursive: true });
}
