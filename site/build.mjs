// Builds the site into site/dist: `npm run docs`. `-- dev` shows the pages while you write, `-- --serve` what was built.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, existsSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const dist = join(here, "dist");
const require = createRequire(import.meta.url);
const base = process.env.DOCS_BASE ?? "/";

/** Runs the program of a package and leaves with its exit code when it fails. */
function run(name, ...args) {
  const folder = dirname(require.resolve(`${name}/package.json`));
  const { bin } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const { status } = spawnSync(process.execPath, [join(folder, bin[name]), ...args], { cwd: here, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

const pages = new Map();
/** The anchors and the local addresses of a page that was built. */
function readPage(file) {
  const found = pages.get(file);
  if (found !== undefined) return found;
  const html = readFileSync(file, "utf8").replace(/<script\b[^]*?<\/script>/g, "");
  const valuesOf = (pattern) => [...html.matchAll(pattern)].map(([, value]) => value.replaceAll("&amp;", "&"));
  const page = {
    anchors: new Set(valuesOf(/\s(?:id|name)="([^"]+)"/g)),
    addresses: new Set(valuesOf(/\s(?:href|src)="([^"]+)"/g)),
  };
  pages.set(file, page);
  return page;
}

/** Why an address leads nowhere; undefined if it leads somewhere, or out of the site. */
function problemOf(file, address) {
  if (/^(?:[a-z][a-z+.-]*:|\/\/)/i.test(address)) return undefined;
  const [path, anchor = ""] = address.split("#").map(decodeURIComponent);
  const local = path.startsWith(base) ? join(dist, path.slice(base.length)) : resolve(dirname(file), path);
  const target =
    path === "" ? file : existsSync(local) && statSync(local).isDirectory() ? join(local, "index.html") : local;
  if (!existsSync(target)) return "does not exist";
  if (anchor !== "" && target.endsWith(".html") && !readPage(target).anchors.has(anchor)) return "has no such anchor";
  return undefined;
}

/** VitePress refuses links to pages that do not exist; this looks at anchors and pictures as well. */
function checkAddresses() {
  const files = readdirSync(dist, { recursive: true, encoding: "utf8" }).filter(
    (file) => file.endsWith(".html") && file !== "404.html",
  );
  const problems = [];
  for (const file of files) {
    for (const address of readPage(join(dist, file)).addresses) {
      const problem = problemOf(join(dist, file), address);
      if (problem !== undefined) problems.push(`${file}: ${address} ${problem}`);
    }
  }
  for (const problem of problems) console.error(problem);
  console.log(`site: ${files.length} pages, ${problems.length} problems`);
  if (problems.length > 0) process.exit(1);
}

const [mode = ""] = process.argv.slice(2);
rmSync(join(here, "api"), { recursive: true, force: true });
run("typedoc", "--options", "typedoc.config.mjs");
if (mode === "dev") run("vitepress", "dev", ".", "--host", "127.0.0.1");
else {
  run("vitepress", "build", ".");
  checkAddresses();
  if (mode === "--serve") run("vitepress", "preview", ".", "--host", "127.0.0.1");
}
