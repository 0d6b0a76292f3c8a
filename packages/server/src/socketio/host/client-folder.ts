/*
 * Finds the builds of the JavaScript client that this package brings along.
 * Knows: where a package, its sources, or a bundle of a program may lie. Looks only when asked: a bundle that is an ES
 * module has no `__dirname`, and must start.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createLog } from "../../base/log.ts";

const log = createLog("socket.io:client-files");

/** Where the program is: this file, or the bundle that it has become a part of. */
function programFolder(): string {
  if (typeof __dirname === "string") return __dirname;
  const [, program = ""] = process.argv;
  return program === "" ? process.cwd() : dirname(program);
}

/** The package as it is installed for a program in this folder. */
function installedPackage(folder: string): string | undefined {
  try {
    return dirname(createRequire(join(folder, "program.js")).resolve("@portage/server/package.json"));
  } catch {
    return undefined; // not installed there: the bundle is all there is
  }
}

/** The folder of the client files; null if there is none. */
export function findClientFiles(from: string = programFolder()): string | null {
  // The package itself, built or from its sources; then beside a bundle, and beside its folder.
  const places = [join(from, "../../../client-dist"), join(from, "client-dist"), join(from, "../client-dist")];
  const installed = installedPackage(from);
  if (installed !== undefined) places.push(join(installed, "client-dist"));
  const found = places.find((place) => existsSync(join(place, "socket.io.js")));
  if (found === undefined) log("no client files in %s", places.join(", "));
  return found ?? null;
}
