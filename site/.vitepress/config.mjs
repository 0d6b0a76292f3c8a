// The site shows the Markdown of the repository where it stands: nothing is written for the site alone.
import { defineConfig } from "vitepress";
import { slugOf } from "./slug.mjs";
import { LEFT_OUT, links, pageOf, REPOSITORY } from "./pages.mjs";
import { reference, shelves } from "./sidebar.mjs";

/** Pages stand outside this folder, where Vite does not find Vue: on the server Node.js resolves it from the output. */
const vueFromNode = {
  name: "vue-from-node",
  enforce: "pre",
  resolveId: (id, _importer, { ssr }) => (ssr && /^vue(?:\/|$)/.test(id) ? { id, external: true } : undefined),
};

/** Where a member comes from is not what readers look for. */
const ORIGINS = /^#+ (?:Inherited from|Overrides|Implementation of)\n[^]*?(?=^#|^\*\*\*$|$(?![^]))/gm;

const renderForSearch = (source, env, md) => md.render(source.replace(ORIGINS, ""), env);

/** Pages that explain come before the reference. */
const searchOptions = { boostDocument: (id) => (id.includes("/api/") ? 0.5 : 1) };

export default defineConfig({
  title: "Portage",
  description: "A realtime server that speaks the Engine.IO and Socket.IO protocols",
  lang: "en",
  // GitHub Pages serves the site below the name of the repository.
  base: process.env.DOCS_BASE ?? "/",
  srcDir: "..",
  srcExclude: LEFT_OUT,
  rewrites: pageOf,
  ignoreDeadLinks: "localhostLinks",
  outDir: "dist",
  markdown: {
    anchor: { slugify: slugOf },
    languageAlias: { caddyfile: "nginx", haproxy: "ini" },
    config: (md) => md.use(links),
  },
  // The index of the search is the only large file; it is fetched when a reader searches.
  vite: { plugins: [vueFromNode], build: { chunkSizeWarningLimit: 4000 } },
  themeConfig: {
    nav: [
      { text: "Documentation", link: "/docs/index.md" },
      { text: "API reference", link: "/api/index.md" },
      { text: "Changes", link: "/CHANGELOG.md" },
      { text: "GitHub", link: REPOSITORY },
    ],
    sidebar: { "/": shelves(), ...reference() },
    outline: [2, 3],
    search: { provider: "local", options: { _render: renderForSearch, miniSearch: { searchOptions } } },
  },
});
