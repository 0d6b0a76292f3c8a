// Where a file of the repository is on the site, for pages and for the links between them.
import { existsSync, statSync } from "node:fs";
import { dirname, posix, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const REPOSITORY = "https://github.com/portage-io/portage";

/** Markdown that is not a page of the site. */
export const LEFT_OUT = ["**/.*/**", "bench/**", "examples/**", "scripts/**", "test/**", "packages/*/!(README.md)/**"];
const PAGES = /^(?:[A-Z]+|docs\/.+|packages\/\w+\/README|site\/api\/.+)\.md$/;

/** The page that shows a file: a README is the index of its folder, and the reference stands at /api/. */
export const pageOf = (file) => file.replace(/^site\/api\//, "api/").replace(/(^|\/)README\.md$/, "$1index.md");

/** The address of a relative link of `file`: of a page if the site has it, else of the file on GitHub. */
function addressOf(file, link) {
  const [path, anchor] = link.split("#");
  const target = resolve(root, dirname(file), decodeURIComponent(path));
  const isFolder = existsSync(target) && statSync(target).isDirectory();
  const found = relative(root, target).split(sep).join("/");
  const page = isFolder ? posix.join(found, "README.md") : found;
  const hash = anchor === undefined ? "" : `#${anchor}`;
  if (PAGES.test(page)) return `/${pageOf(page)}${hash}`;
  return `${REPOSITORY}/${isFolder ? "tree" : "blob"}/main/${found}${hash}`;
}

const DARK_PICTURE =
  /<picture>\s*<source media="\(prefers-color-scheme: dark\)" srcset="([^"]+)" \/>\s*<img (alt="[^"]*") src="([^"]+)"[^>]*>\s*<\/picture>/g;

/** GitHub shows one of two pictures by the system's colours; on the site the switch of the page chooses. */
const asTwoPictures = (html) =>
  html.replace(DARK_PICTURE, '<img class="only-dark" $2 src="./$1"><img class="only-light" $2 src="./$3">');

/** A plugin of markdown-it: links and pictures that work on GitHub work on the site. */
export function links(md) {
  md.core.ruler.push("links", ({ tokens, env }) => {
    const file = relative(root, env.realPath ?? env.path)
      .split(sep)
      .join("/");
    for (const { type, children } of tokens) {
      if (type !== "inline") continue;
      for (const token of children) {
        const href = token.type === "link_open" ? token.attrGet("href") : null;
        if (href && !/^(?:[a-z][a-z+.-]*:|#|\/)/i.test(href)) token.attrSet("href", addressOf(file, href));
      }
    }
    for (const token of tokens) if (token.type === "html_block") token.content = asTwoPictures(token.content);
  });
}
