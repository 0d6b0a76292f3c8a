import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const OUT = join(ROOT, "test/.cache/examples");
const compiler = join(createRequire(join(ROOT, "package.json")).resolve("typescript/package.json"), "../bin/tsc");

/** The names that examples below a path may use as they are: the first prefix that fits. */
const PREAMBLES: readonly (readonly [prefix: string, preamble: string])[] = [
  ["packages/client/src/engine/", "client-engine"],
  ["packages/client/", "client"],
  ["docs/choosing-a-transport.md", "client"],
  ["docs/live-page.md", "dashboard"],
  ["docs/mobile.md", "client"],
  ["docs/react-vue-svelte.md", "client"],
  ["packages/parser/", "parser"],
  ["packages/server/src/base/", "base"],
  ["packages/server/src/engine", "engine"],
  ["packages/server/src/dashboard/", "dashboard"],
  ["packages/server/src/doctor/", "doctor"],
  ["packages/server/src/fastify.ts", "fastify"],
  ["packages/server/src/socketio/adapter/", "adapter"],
  ["packages/websocket/", "websocket"],
  ["", "server"],
];

/** Calls the module itself, which can be done at run time; as with socket.io, the types do not say so. */
const UNTYPED = /^const io = require\("@portage\/server"\)\(3000\);/;

interface Example {
  readonly file: string;
  /** Of its first line of code, from 1. */
  readonly line: number;
  readonly code: string;
  readonly language: "ts" | "js";
}

/** The `@example` of every comment, up to the next tag. */
function* examplesOfSource(file: string, text: string): Generator<Example> {
  for (const match of text.matchAll(/^ *\* @example *(?<code>.*(?:\n *\*(?!\/)(?! @).*)*)/gm)) {
    const code = match.groups!["code"]!.replace(/^ *\* ?/gm, "");
    yield { file, line: lineOf(text, match.index), code, language: "ts" };
  }
}

function* examplesOfPage(file: string, text: string): Generator<Example> {
  for (const match of text.matchAll(/^```(?<language>js|ts)\n(?<code>[\s\S]*?)^```$/gm)) {
    const { code, language } = match.groups as { code: string; language: "ts" | "js" };
    yield { file, line: lineOf(text, match.index) + 1, code, language };
  }
}

const lineOf = (text: string, index: number): number => text.slice(0, index).split("\n").length;
const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");

function examples(): Example[] {
  const found: Example[] = [];
  for (const name of readdirSync(join(ROOT, "packages"))) {
    const folder = join(ROOT, "packages", name, "src");
    for (const path of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
      const file = relative(ROOT, join(folder, path)).split(sep).join("/");
      if (file.endsWith(".ts")) found.push(...examplesOfSource(file, read(file)));
    }
    found.push(...examplesOfPage(`packages/${name}/README.md`, read(`packages/${name}/README.md`)));
  }
  const docs = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" }).map((path) =>
    path.split(sep).join("/"),
  );
  const pages = docs.filter((name) => name.endsWith(".md"));
  for (const file of ["README.md", "SECURITY.md", ...pages.map((name) => `docs/${name}`)]) {
    found.push(...examplesOfPage(file, read(file)));
  }
  return found.filter(({ code }) => !UNTYPED.test(code));
}

const EXPORTED =
  /^export (?:declare )?(?:abstract |async )?(?<kind>const|function\*?|class|type|interface) (?<name>\w+)/gm;

/** The names that a source or a preamble exports; JavaScript modules cannot import types. */
function exportsOf(file: string, language: Example["language"]): string[] {
  const text = read(file);
  const isWanted = (isType: boolean): boolean => language === "ts" || !isType;
  const lists = [...text.matchAll(/^export (?<type>type )?\{(?<names>[^}]*)\}/gm)].flatMap(({ groups }) => {
    const { type, names = "" } = groups!;
    const parts = names.split(",").map((part) => part.trim());
    const wanted = parts.filter((part) => part !== "" && isWanted(type !== undefined || part.startsWith("type ")));
    return wanted.map((part) => part.split(/\s+/).at(-1)!);
  });
  const spaces = [...text.matchAll(/^export \* as (?<name>\w+)/gm)].map(({ groups }) => groups!["name"]!);
  const declared = [...text.matchAll(EXPORTED)]
    .filter(({ groups }) => isWanted(/type|interface/.test(groups!["kind"]!)))
    .map(({ groups }) => groups!["name"]!);
  return [...new Set([...declared, ...lists, ...spaces])].filter((name) => name !== "default");
}

/** Import statements of an example; they stay outside of the function that the rest becomes. */
const IMPORT = /^import\s[^;]*;/gm;

/** The example as a module: first the preamble, then its code in a function. */
function moduleOf({ file, code, language }: Example): { name: string; head: string; text: string } {
  // A whole module has its own imports.
  if (/^(?:export|module\.exports|const \w+ = require)\b/m.test(code) && !file.includes("/src/")) {
    return { name: /\brequire\(|module\.exports/.test(code) ? "cjs" : `m${language}`, head: "", text: code };
  }
  const own = (code.match(IMPORT) ?? []).join(" ");
  const taken = new Set(own.match(/\w+/g));
  const take = (from: string): string => {
    const names = exportsOf(from, language).filter((name) => !taken.has(name));
    for (const name of names) taken.add(name);
    const target = from.replace(/^(packages\/\w+)\/src\/(.*)\.ts$/, "$1/dist/$2.js");
    const path = relative(OUT, join(ROOT, target)).split(sep).join("/");
    return names.length > 0 ? `import { ${names.join(", ")} } from "${path}"; ` : "";
  };
  const preamble = PREAMBLES.find(([prefix]) => file.startsWith(prefix))![1];
  const known = (file.endsWith(".ts") ? take(file) : "") + take(`test/types/preambles/${preamble}.ts`);
  // Its lines stay where they are, so that the compiler's complaints can be traced to them.
  const body = code.replace(IMPORT, (text) => text.replace(/[^\n]/g, " "));
  const ending = language === "ts" ? "mts" : "mjs";
  return { name: ending, head: `${known}${own} export async function example() {\n`, text: `${body}\n}\n` };
}

/** Passport's additions; as a module they would apply to all other tests. */
const PASSPORT = `import "node:http"; declare module "node:http" { interface IncomingMessage { user?: { id: string } } }`;

const SETTINGS = {
  extends: "../../tsconfig.json",
  compilerOptions: {
    allowJs: true,
    checkJs: true,
    isolatedModules: false,
    verbatimModuleSyntax: false,
    noUnusedLocals: false,
    noUnusedParameters: false,
    noImplicitReturns: false,
    noUncheckedIndexedAccess: false,
    // The build, as programs get it.
    customConditions: [],
    // Allows parameters without types, as examples are also for writers of JavaScript.
    noImplicitAny: false,
  },
  include: ["./*", "../../support/untyped.d.ts", "../../types/preambles/frameworks.d.ts"],
};

/** Returns the compiler's errors with their places; "" for none. */
async function compile(all: readonly Example[]): Promise<string> {
  rmSync(OUT, { recursive: true, force: true });
  mkdirSync(OUT, { recursive: true });
  writeFileSync(join(OUT, "tsconfig.json"), JSON.stringify(SETTINGS));
  writeFileSync(join(OUT, "passport.d.ts"), PASSPORT);
  const modules = all.map(moduleOf);
  for (const [index, { name, head, text }] of modules.entries()) {
    writeFileSync(join(OUT, `example-${index}.${name}`), head + text);
  }
  const run = promisify(execFile)(process.execPath, [compiler, "-p", OUT, "--pretty", "false"], { cwd: OUT });
  const { stdout } = await run.catch((error: { stdout: string }) => error);
  return stdout.trim().replace(/^example-(\d+)\.\w+\((\d+),\d+\)/gm, (_place, digits: string, line: string) => {
    const index = Number(digits);
    const { file, line: first } = all[index]!;
    const before = modules[index]!.head.split("\n").length;
    return `${file}:${first + Number(line) - before}`;
  });
}

test("every example in the sources and the documentation compiles", async () => {
  const all = examples();
  expect(all.length).toBeGreaterThan(120);
  expect(await compile(all)).toBe("");
});

test("an example with a member, a name or an argument that is not there does not", async () => {
  const wrong = ["io.emitt('a');", "io.on('connection', (socket) => sockets.join('x'));", "io.to('a', 'b');"];
  const said = await compile(wrong.map((code) => ({ file: "docs/limits.md", line: 7, code, language: "js" })));
  const places = said.split("\n").map((line) => line.replace(/: error (\w+):.*/, " $1"));
  expect(places).toEqual(["TS2551", "TS2552", "TS2554"].map((code) => `docs/limits.md:7 ${code}`));
});
