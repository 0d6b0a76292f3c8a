// The API reference: a page for each public name of each entry, as Markdown below api/.
const entries = {
  server: [
    "index",
    "engine",
    "adapter",
    "relay",
    "fastify",
    "doctor/index",
    "logs",
    "metrics",
    "otel/index",
    "dashboard/index",
  ],
  cluster: ["index"],
  client: ["index", "websocket", "webtransport", "trace", "engine"],
  websocket: ["index"],
  parser: ["index", "engine", "engine-v3"],
};

export default {
  plugin: ["typedoc-plugin-markdown", "./api-plugin.mjs"],
  tsconfig: "tsconfig.json",
  entryPoints: Object.entries(entries).flatMap(([name, files]) =>
    files.map((file) => `../packages/${name}/src/${file}.ts`),
  ),
  out: "api",
  readme: "none",
  disableSources: true,
  excludeInternal: true,
  excludePrivate: true,
  excludeExternals: true,
  // Links of comments to names without a page stay plain text.
  validation: { notExported: false, invalidLink: false, rewrittenLink: false },
  router: "member",
  entryFileName: "index.md",
  hideBreadcrumbs: true,
  hidePageHeader: true,
  parametersFormat: "table",
  typeDeclarationFormat: "table",
  indexFormat: "table",
  pageTitleTemplates: { index: "API reference", module: "{name}", member: ({ rawName }) => rawName.replace(/<.*/, "") },
};
