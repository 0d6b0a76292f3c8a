import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const load = (file: string): Promise<unknown> => import(pathToFileURL(join(root, "site/.vitepress", file)).href);

interface Item {
  readonly text: string;
  readonly link: string;
  readonly items?: readonly Item[];
}

interface Token {
  readonly type: string;
  content: string;
  readonly children?: Token[];
  attrGet(name: string): string | undefined;
  attrSet(name: string, value: string): void;
}

type Rule = (state: { tokens: Token[]; env: { path: string } }) => void;

/** A token of a Markdown parser with one attribute. */
function tokenOf(type: string, value: string): Token & { value: string } {
  return {
    type,
    value,
    content: value,
    attrGet: () => value,
    attrSet(_name, next) {
      this.value = next;
    },
  };
}

async function ruleOf(): Promise<Rule> {
  const { links } = (await load("pages.mjs")) as { links: (md: object) => void };
  let rule: Rule | undefined;
  links({ core: { ruler: { push: (_name: string, each: Rule) => (rule = each) } } });
  return rule!;
}

/** The address on the site of a link in a file of the repository. */
async function addressOf(file: string, link: string): Promise<string> {
  const token = tokenOf("link_open", link);
  const inline = { ...tokenOf("inline", ""), children: [token] };
  (await ruleOf())({ tokens: [inline], env: { path: join(root, file) } });
  return token.value;
}

test("the navigation has every page of the documentation, by its shelves", async () => {
  const { shelves } = (await load("sidebar.mjs")) as { shelves: () => { text: string; items: Item[] }[] };
  const found = shelves();
  expect(found.map(({ text }) => text)).toEqual(["Start", "Decide", "Run", "When something is wrong", "Look up"]);
  const addresses = found
    .flatMap(({ items }) => items.flatMap((item) => [item, ...(item.items ?? [])]))
    .map(({ link }) => link);
  const pages = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".md"),
  );
  for (const page of pages.filter((name) => name !== "README.md")) {
    expect(addresses).toContain(`/docs/${page.replaceAll("\\", "/").replace("README", "index")}`);
  }
});

test("links between pages lead to pages of the site, and keep their anchor", async () => {
  expect(await addressOf("README.md", "docs/limits.md")).toBe("/docs/limits.md");
  expect(await addressOf("docs/errors.md", "limits.md#time")).toBe("/docs/limits.md#time");
  expect(await addressOf("docs/deploy/nginx.md", "../README.md")).toBe("/docs/index.md");
  expect(await addressOf("README.md", "packages/server")).toBe("/packages/server/index.md");
  expect(await addressOf("docs/security.md", "../SECURITY.md")).toBe("/SECURITY.md");
});

test("links to anything else lead to GitHub", async () => {
  const repository = "https://github.com/portage-io/portage";
  expect(await addressOf("docs/security.md", "../examples/auth")).toBe(`${repository}/tree/main/examples/auth`);
  expect(await addressOf("README.md", "LICENSE")).toBe(`${repository}/blob/main/LICENSE`);
  expect(await addressOf("README.md", "https://example.org/a.md")).toBe("https://example.org/a.md");
  expect(await addressOf("README.md", "#install")).toBe("#install");
});

test("a picture for dark pages becomes two, between which the switch of the page chooses", async () => {
  const html = `<picture>
  <source media="(prefers-color-scheme: dark)" srcset="docs/pictures/demo-dark.png" />
  <img alt="The demo" src="docs/pictures/demo-light.png" width="780" />
</picture>`;
  const token = tokenOf("html_block", html);
  (await ruleOf())({ tokens: [token], env: { path: join(root, "README.md") } });
  expect(token.content).toBe(
    '<img class="only-dark" alt="The demo" src="./docs/pictures/demo-dark.png">' +
      '<img class="only-light" alt="The demo" src="./docs/pictures/demo-light.png">',
  );
});
