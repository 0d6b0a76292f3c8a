// Checks the relative links and the anchors of every Markdown file, and the names of files in pages about the sources.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { slugOf } from "../site/.vitepress/slug.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const list = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { cwd: root });
const files = list.toString().trim().split("\n");
const pages = files.filter((file) => file.endsWith(".md"));
const problems = [];

/** The text without code: examples show links that lead nowhere. */
const proseOf = (text) => text.replace(/^( *)```[^]*?^\1```$/gm, "").replace(/`[^`\n]*`/g, "``");

/** Anchors by page; a heading that comes again gets a number. */
const known = new Map();
function anchorsOf(file) {
  const found = known.get(file);
  if (found !== undefined) return found;
  const text = readFileSync(file, "utf8").replace(/^( *)```[^]*?^\1```$/gm, "");
  const anchors = new Set([...text.matchAll(/<a (?:id|name)="([^"]+)"/g)].map(([, name]) => name));
  for (const [, heading] of text.matchAll(/^#{1,6} +(.+?)(?: +#+)?$/gm)) {
    const slug = slugOf(heading);
    let name = slug;
    for (let count = 1; anchors.has(name); count += 1) name = `${slug}-${count}`;
    anchors.add(name);
  }
  known.set(file, anchors);
  return anchors;
}

const LINKS = [
  /\]\(<?([^)\s>]+)>?(?: "[^"]*")?\)/g,
  /^\[[^\]]+\]: +<?(\S+?)>?$/gm,
  /<(?:a|img|source)\b[^>]*?\b(?:href|src|srcset)="([^"\s]+)"/g,
];

function checkLink(page, link) {
  if (/^[a-z][a-z+.-]*:/i.test(link)) return;
  const [path, anchor] = link.split("#");
  const here = join(root, page);
  const target = path === "" ? here : resolve(dirname(here), decodeURIComponent(path));
  if (relative(root, target).startsWith("..")) problems.push(`${page}: ${link} leads out of the repository`);
  else if (!existsSync(target)) problems.push(`${page}: ${link} does not exist`);
  else if (anchor !== undefined) checkAnchor(page, link, target, decodeURIComponent(anchor));
}

/** A folder shows its README. */
function checkAnchor(page, link, target, anchor) {
  const file = statSync(target).isDirectory() ? join(target, "README.md") : target;
  if (!file.endsWith(".md") || !existsSync(file)) problems.push(`${page}: ${link} has an anchor and is not a page`);
  else if (!anchorsOf(file).has(anchor)) problems.push(`${page}: ${link} has no such heading`);
}

let count = 0;
const linked = new Set();
for (const page of pages) {
  const text = proseOf(readFileSync(join(root, page), "utf8"));
  for (const pattern of LINKS) {
    for (const [, link] of text.matchAll(pattern)) {
      count += 1;
      checkLink(page, link);
      if (page === "docs/README.md") linked.add(link.split("#")[0]);
    }
  }
}

// The index of the documentation has every page of it.
for (const page of pages.filter((each) => each.startsWith("docs/") && each !== "docs/README.md")) {
  const path = page.slice("docs/".length).split(sep).join("/");
  if (!linked.has(path)) problems.push(`docs/README.md: has no link to ${path}`);
}

/** `engine/options.ts` or `options.ts` is the end of a path of the repository. `<name>.ts` and `.node.ts` are patterns. */
const FILE_NAME = /`((?:[\w-]+\/)*[\w-][\w.-]*\.(?:ts|mjs))`/g;
for (const page of ["ARCHITECTURE.md", "CONTRIBUTING.md"]) {
  for (const [, name] of readFileSync(join(root, page), "utf8").matchAll(FILE_NAME)) {
    if (!files.some((file) => `/${file}`.endsWith(`/${name}`))) problems.push(`${page}: there is no file ${name}`);
  }
}

for (const problem of problems) console.error(problem);
console.log(`links: ${count} in ${pages.length} pages, ${problems.length} problems`);
process.exit(problems.length > 0 ? 1 : 0);
