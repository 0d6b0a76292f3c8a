// Enforces the direction of dependencies drawn in ARCHITECTURE.md, `import type` included, and refuses import cycles.
// Inside one layer the types alone may refer to each other: public ones do (`socket.nsp.server.sockets`).
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

const nodeModules = (...names) => names.map((name) => `node:${name}`);
const BASE = "packages/server/src/base/";

/** What each layer may import. The first layer whose prefix matches a file owns it. */
const LAYERS = [
  { name: "parser", prefix: "packages/parser/src/", inside: ["packages/parser/src/"], packages: [] },
  {
    name: "websocket/core",
    prefix: "packages/websocket/src/core/",
    inside: ["packages/websocket/src/core/"],
    packages: ["node:buffer", "node:zlib", "node:crypto"],
  },
  {
    name: "websocket",
    prefix: "packages/websocket/src/",
    inside: ["packages/websocket/src/"],
    packages: [
      "node:net",
      "node:tls",
      "node:http",
      "node:https",
      "node:events",
      "node:stream",
      "node:crypto",
      "node:buffer",
    ],
  },
  {
    name: "server/engine",
    prefix: "packages/server/src/engine/",
    inside: ["packages/server/src/engine/", BASE],
    packages: [
      ...nodeModules("http", "http2", "https", "zlib", "events", "crypto", "stream", "buffer", "net", "querystring"),
      "node:diagnostics_channel",
      "@portage/parser/engine",
      "@portage/parser/engine-v3",
      "@portage/websocket",
      "cookie",
      "cors",
    ],
  },
  {
    name: "server/socketio",
    prefix: "packages/server/src/socketio/",
    inside: ["packages/server/src/socketio/", "packages/server/src/engine/index.ts", BASE],
    packages: [
      ...nodeModules(
        "http",
        "https",
        "http2",
        "zlib",
        "events",
        "crypto",
        "stream",
        "buffer",
        "fs",
        "module",
        "path",
        "url",
      ),
      "@portage/parser",
      "@portage/parser/socket",
      "cors",
      "eventemitter3",
    ],
  },
  {
    name: "server/fastify",
    prefix: "packages/server/src/fastify.ts",
    inside: ["packages/server/src/index.ts", "packages/server/src/engine.ts"],
    packages: ["fastify", "node:crypto", "node:http", "node:stream"],
  },
  {
    name: "server/doctor",
    prefix: "packages/server/src/doctor/",
    inside: ["packages/server/src/doctor/", "packages/server/src/base/clock.ts"],
    packages: [
      ...nodeModules("dns/promises", "http", "https", "net", "tls", "util", "zlib"),
      "@portage/parser/engine",
      "@portage/websocket",
    ],
  },
  {
    name: "server/base",
    prefix: BASE,
    inside: [BASE],
    packages: ["node:events", "node:perf_hooks", "node:http", "debug"],
  },
  {
    name: "server/entries",
    prefix: "packages/server/src/",
    inside: ["packages/server/src/"],
    packages: ["node:http", "@portage/parser/engine"],
  },
  {
    name: "client",
    prefix: "packages/client/src/",
    inside: ["packages/client/src/"],
    packages: ["@portage/parser", "@portage/parser/engine", "@portage/parser/socket", "eventemitter3"],
    // what only Node.js has; browsers get other files in their places
    exceptions: {
      "packages/client/src/engine/transports/websocket.node.ts": ["@portage/websocket", "node:http"],
      "packages/client/src/log.node.ts": ["debug"],
      "packages/client/src/engine/transports/polling.node.ts": ["node:http", "node:https"],
    },
  },
];

const problems = [];
const graph = new Map();

function* sources(folder) {
  for (const entry of readdirSync(folder)) {
    const path = join(folder, entry);
    if (statSync(path).isDirectory()) yield* sources(path);
    else if (/\.[cm]?ts$/.test(entry)) yield path;
  }
}

const posix = (path) => relative(root, path).split(sep).join("/");
const IMPORT =
  /(?<statement>\b(?:import|export)\s[^;"']*?)?(?:\bfrom\s+|\bimport\s*\(\s*|\bimport\s+)["']([^"']+)["']/g;
const withoutComments = (text) => text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");

for (const folder of ["parser", "websocket", "server", "client"]) {
  for (const path of sources(join(root, "packages", folder, "src"))) {
    const file = posix(path);
    const layer = LAYERS.find((candidate) => file.startsWith(candidate.prefix));
    const targets = [];
    for (const [, statement, specifier] of withoutComments(readFileSync(path, "utf8")).matchAll(IMPORT)) {
      if (specifier.startsWith(".")) {
        const target = posix(resolve(dirname(path), specifier));
        const isTypeOnly = /^(?:import|export)\s+type\b/.test(statement ?? "");
        if (!isTypeOnly || !target.startsWith(layer.prefix)) targets.push(target);
        if (!layer.inside.some((allowed) => target.startsWith(allowed))) {
          problems.push(`${file}: layer ${layer.name} may not import ${target}`);
        }
      } else if (![...layer.packages, ...(layer.exceptions?.[file] ?? [])].includes(specifier)) {
        problems.push(`${file}: layer ${layer.name} may not import ${specifier}`);
      }
    }
    graph.set(file, targets);
  }
}

const state = new Map();
function visit(file, trail) {
  if (state.get(file) === "done") return;
  if (state.get(file) === "open") {
    problems.push(`import cycle: ${[...trail.slice(trail.indexOf(file)), file].join(" -> ")}`);
    return;
  }
  state.set(file, "open");
  for (const target of graph.get(file) ?? []) if (graph.has(target)) visit(target, [...trail, file]);
  state.set(file, "done");
}
for (const file of graph.keys()) visit(file, []);

for (const problem of problems) console.error(problem);
console.log(`layers: ${graph.size} files, ${problems.length} problems`);
process.exit(problems.length ? 1 : 0);
