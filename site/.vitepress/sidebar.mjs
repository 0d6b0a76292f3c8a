// The navigation: the shelves of docs/README.md, and the entries of the packages.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { pageOf, root } from "./pages.mjs";

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const LINK = /\[([^\]]+)\]\(([^)]+\.md)\)/g;
/** With more links than this an item of a shelf is a group of pages. */
const MOST_BESIDE = 2;

/** An item of a shelf: its first link, and the others beside or below it. */
function itemsOf(text) {
  const before = text.slice(0, text.indexOf("["));
  const pages = [...text.matchAll(LINK)].map(([, title, path]) => ({
    text: capital(before + title),
    link: `/${pageOf(posix.join("docs", path))}`,
  }));
  if (pages.length <= MOST_BESIDE) return pages;
  const [first, ...items] = pages;
  return [{ ...first, collapsed: true, items }];
}

export function shelves() {
  const [, ...parts] = readFileSync(join(root, "docs/README.md"), "utf8").split(/^## /m);
  return parts.map((part) => {
    const [title, ...lines] = part.split("\n");
    return { text: title, items: lines.join("\n").split(/^- /m).slice(1).flatMap(itemsOf) };
  });
}

const KINDS = ["classes", "functions", "interfaces", "type-aliases", "variables"];
const PACKAGES = ["server", "cluster", "client", "websocket", "parser"];

/** The folders of the reference that have an index: those of the entries. */
function entries() {
  return PACKAGES.flatMap((name) => {
    const folder = `api/@portage/${name}`;
    const others = readdirSync(join(root, "site", folder)).filter(
      (each) => each !== "namespaces" && existsSync(join(root, "site", folder, each, "index.md")),
    );
    return [folder, ...others.map((each) => `${folder}/${each}`)];
  });
}

function namesOf(folder) {
  return KINDS.flatMap((kind) => {
    const path = join(root, "site", folder, kind);
    if (!existsSync(path)) return [];
    return readdirSync(path).map((file) => ({ text: file.replace(/\.md$/, ""), link: `/${folder}/${kind}/${file}` }));
  });
}

/** By folder: all entries, and the names of one. All names on every page would be most of the site. */
export function reference() {
  const all = entries();
  const listFor = (open) =>
    all.map((folder) => {
      const entry = { text: folder.slice("api/".length), link: `/${folder}/index.md` };
      return folder === open ? { ...entry, collapsed: false, items: namesOf(folder) } : entry;
    });
  return { "/api/": listFor(), ...Object.fromEntries(all.map((folder) => [`/${folder}/`, listFor(folder)])) };
}
