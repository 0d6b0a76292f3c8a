import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type ecmaVersion, parse, tokenizer } from "acorn";
import { describe, expect, test } from "vitest";

// The syntax of the files for browsers. Tools that can't read `exports` find them by the fields of package.json, or by
// a folder.

const PACKAGES = fileURLToPath(new URL("../../../packages", import.meta.url));
const SERVED = join(PACKAGES, "server/client-dist");

interface Manifest {
  readonly main: string;
  readonly browser?: string | Record<string, string>;
  readonly "react-native"?: string | Record<string, string>;
  readonly exports?: Record<string, unknown>;
}

const readManifest = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;

/** The file that a tool resolves for a folder; `fields` are the fields it reads. */
function findFile(folder: string, field: "browser" | "react-native"): string {
  const manifest = readManifest(folder);
  const replaced = manifest[field];
  const main = typeof replaced === "string" ? replaced : manifest.main;
  const other = typeof replaced === "object" ? replaced[main] : undefined;
  return resolve(folder, other ?? main);
}

/** The file and its dependencies. */
function withRequired(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  for (const [, path = ""] of readFileSync(file, "utf8").matchAll(/\brequire\("(\.[^"]*)"\)/g)) {
    withRequired(createRequire(file).resolve(path), found);
  }
  return found;
}

function read(file: string, version: ecmaVersion): void {
  const sourceType = /\.esm\.|\.mjs$/.test(file) ? "module" : "script";
  parse(readFileSync(file, "utf8"), { ecmaVersion: version, sourceType });
}

test.each(readdirSync(SERVED).filter((file) => file.endsWith(".js")))("%s, which servers serve, is ES2017", (file) => {
  read(join(SERVED, file), 2017);
});

describe.each(["client", "parser"])("@portage/%s", (name) => {
  const folder = join(PACKAGES, name);
  const manifest = readManifest(folder);
  const entries = Object.keys(manifest.exports ?? {}).filter((entry) => /^\.(\/[\w-]+)?$/.test(entry));

  test.each(entries.flatMap((entry) => (["browser", "react-native"] as const).map((field) => [entry, field] as const)))(
    "%s is ES2017 for tools that know the field %s",
    (entry, field) => {
      const files = withRequired(findFile(join(folder, entry), field));
      for (const file of files) read(file, 2017);
    },
  );
});

test.each(["client", "parser", "server"])("each entry of @portage/%s is a folder, too, that leads to it", (name) => {
  const folder = join(PACKAGES, name);
  const { exports = {} } = readManifest(folder);
  const entries = Object.keys(exports).filter((entry) => /^\.\/[\w-]+$/.test(entry));
  const files = (JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { files: string[] }).files;
  expect(entries.length).toBeGreaterThan(0);
  for (const entry of entries) {
    const stub = join(folder, entry);
    expect(files).toContain(entry.slice(2));
    const byFolder = resolve(stub, readManifest(stub).main);
    expect(existsSync(byFolder)).toBe(true);
    expect(dirname(byFolder)).toContain(join(folder, "dist"));
    const { default: byExports } = exports[entry] as { default: string };
    expect(byFolder).toBe(join(folder, byExports));
  }
});

test("bundlers of today get modules with the syntax of 2022, without private members", () => {
  const modern = join(PACKAGES, "client/dist/browser");
  for (const file of readdirSync(modern).filter((each) => each.endsWith(".mjs"))) {
    read(join(modern, file), 2022);
    // A proxy around an object can't reach its private members: frameworks of pages make such proxies.
    const tokens = tokenizer(readFileSync(join(modern, file), "utf8"), { ecmaVersion: 2022, sourceType: "module" });
    expect([...tokens].filter(({ type }) => type.label === "privateId")).toEqual([]);
  }
});
