/*
 * Finds the builds of the JavaScript client that this package contains.
 * Knows: the places of a package, its sources, or a program's bundle. Searches only when asked, because a bundle that is an
 * ES module has no `__dirname` and must start without it.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createLog } from "../../base/log.ts";

const log = createLog("socket.io:client-files");

/** Returns the folder of this file, or of the bundle that includes it. */
function programFolder(): string {
  if (typeof __dirname === "string") return __dirname;
  const [, program = ""] = process.argv;
  return program === "" ? process.cwd() : dirname(program);
}

/** Returns the folder of the package that is installed for a program. */
function installedPackage(folder: string): string | undefined {
  try {
    return dirname(createRequire(join(folder, "program.js")).resolve("@portage/server/package.json"));
  } catch {
    return undefined; // not installed, so the bundle is self-contained
  }
}

/** Returns the folder of the client files; null if it is missing. */
export function findClientFiles(from: string = programFolder()): string | null {
  // In the package, built or as sources; beside a bundle; beside the bundle's folder.
  const places = [join(from, "../../../client-dist"), join(from, "client-dist"), join(from, "../client-dist")];
  const installed = installedPackage(from);
  if (installed !== undefined) places.push(join(installed, "client-dist"));
  const found = places.find((place) => existsSync(join(place, "socket.io.js")));
  if (found === undefined) log("no client files in %s", places.join(", "));
  return found ?? null;
}
