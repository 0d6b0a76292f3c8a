// Enforces the order of layers and folders that ARCHITECTURE.md draws, `import type` included, and refuses import cycles.
// Only the public façades may refer to each other, by types alone: `socket.nsp.server.sockets`.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

const nodeModules = (...names) => names.map((name) => `node:${name}`);

/** What a layer may import of npm and of Node.js. */
const PACKAGES = {
  parser: [],
  "websocket/core": nodeModules("buffer", "zlib", "crypto"),
  websocket: nodeModules("net", "tls", "http", "http2", "https", "events", "stream", "crypto", "buffer"),
  "server/base": ["debug", ...nodeModules("crypto", "events", "perf_hooks", "http"), "@portage/websocket"],
  "server/engine": [
    ...nodeModules("http", "http2", "https", "zlib", "events", "crypto", "stream", "buffer", "net", "querystring"),
    "node:diagnostics_channel",
    "@portage/parser/engine",
    "@portage/parser/engine-v3",
    "@portage/websocket",
    "cookie",
    "cors",
  ],
  "server/socketio": [
    ...nodeModules(
      "http",
      "https",
      "http2",
      "zlib",
      "events",
      "crypto",
      "diagnostics_channel",
      "stream",
      "buffer",
      "fs",
      "module",
      "path",
      "url",
    ),
    "node:diagnostics_channel",
    "@portage/parser",
    "@portage/parser/socket",
    "cors",
    "eventemitter3",
  ],
  "server/logs": nodeModules("diagnostics_channel", "events", "http"),
  "server/fastify": ["fastify", ...nodeModules("crypto", "http", "http2", "stream")],
  "server/dashboard-page": ["@portage/client", "preact", "preact/hooks"],
  "server/doctor": [
    ...nodeModules("dns/promises", "http", "http2", "https", "net", "tls", "util", "zlib"),
    "@portage/parser/engine",
    "@portage/websocket",
  ],
  "server/dashboard": nodeModules(
    "crypto",
    "diagnostics_channel",
    "fs",
    "http",
    "os",
    "path",
    "perf_hooks",
    "stream",
    "v8",
    "vm",
    "zlib",
  ),
  "server/otel": ["@opentelemetry/api", "node:diagnostics_channel"],
  server: ["node:http", "@portage/parser/engine", "@portage/parser/socket"],
  "cluster/core": nodeModules("buffer", "crypto"),
  cluster: [
    ...nodeModules(
      "child_process",
      "cluster",
      "crypto",
      "events",
      "fs",
      "http",
      "https",
      "net",
      "os",
      "path",
      "stream",
      "buffer",
      "tls",
      "worker_threads",
    ),
    "node:fs/promises",
    "@portage/server/adapter",
    "@portage/server/relay",
    "@portage/websocket",
  ],
  "client/engine": ["@portage/parser/engine"],
  "client/socketio": ["@portage/parser/socket"],
  client: ["@portage/parser/socket"],
};

const SERVER = "packages/server/src/";
const ENGINE = `${SERVER}engine/`;
const SOCKETIO = `${SERVER}socketio/`;
const WEBSOCKET = "packages/websocket/src/";
const BASE = `${SERVER}base/`;
const PAGE = "packages/server/dashboard-page/src/";
const CLIENT = "packages/client/src/";
const CLUSTER = "packages/cluster/src/";

const under = (prefix, names) => names.map((name) => prefix + name);
/** Files of the engine that all its folders may use. */
const ENGINE_ROOT = under(ENGINE, [
  "keys.ts",
  "option-checks.ts",
  "random-id.ts",
  "timing-wheel.ts",
  "usage-errors.ts",
]);
/** Files of the Socket.IO layer that all its folders may use, and the engine. */
const SOCKETIO_ROOT = [...under(SOCKETIO, ["keys.ts", "limits.ts", "probe.ts"]), `${ENGINE}index.ts`];

/** Files that all of the client may use: leaves, and what the folders of each layer share. */
const CLIENT_ROOT = under(CLIENT, [
  "arguments.ts",
  "coded-error.ts",
  "emitter.ts",
  "log.node.ts",
  "typed-events.ts",
  "engine/diagnosis.ts",
  "engine/errors.ts",
  "engine/options.ts",
  "socketio/errors.ts",
  "socketio/options.ts",
  "socketio/socket-types.ts",
  "socketio/typed-events.ts",
]);

/** A folder of the engine, and the folders beside it that it may use. Its head says what it knows. */
const ofEngine = (name, head, ...others) => ({
  layer: "server/engine",
  prefix: `${ENGINE}${name}/`,
  head: `${ENGINE}${name}/${head}.ts`,
  inside: [BASE, ...ENGINE_ROOT, ...under(ENGINE, [name, ...others]).map((folder) => `${folder}/`)],
});

/** The same for the Socket.IO layer. */
const ofSocketIo = (name, head, ...others) => ({
  layer: "server/socketio",
  prefix: `${SOCKETIO}${name}/`,
  head: `${SOCKETIO}${name}/${head}.ts`,
  inside: [
    BASE,
    ...SOCKETIO_ROOT,
    ...under(SOCKETIO, ["report", name, ...others]).map((folder) => (folder.endsWith(".ts") ? folder : `${folder}/`)),
  ],
});

/** A folder of the client, and what it may use besides its own and what all of the client may. */
const ofClient = (name, head, ...others) => ({
  layer: name.startsWith("engine") ? "client/engine" : "client/socketio",
  prefix: `${CLIENT}${name}/`,
  head: `${CLIENT}${name}/${head}.ts`,
  inside: [...CLIENT_ROOT, ...under(CLIENT, [`${name}/`, ...others])],
});

/** A folder of the cluster package, and the folders and files beside it that it may use. */
const ofCluster = (name, head, ...others) => ({
  layer: name === "core" ? "cluster/core" : "cluster",
  prefix: `${CLUSTER}${name}/`,
  head: `${CLUSTER}${name}/${head}.ts`,
  inside: under(CLUSTER, [name, ...others]).map((path) => (path.endsWith(".ts") ? path : `${path}/`)),
});

/**
 * Folders in order: the first whose prefix matches a file owns it. `inside`: what it may import of the sources; `types`:
 * what it may import by `import type` alone.
 */
const FOLDERS = [
  { layer: "parser", prefix: "packages/parser/src/", head: "packages/parser/src/index.ts" },

  {
    layer: "websocket/core",
    prefix: `${WEBSOCKET}core/frames/`,
    head: `${WEBSOCKET}core/frames/frame.ts`,
    inside: [`${WEBSOCKET}core/frames/`, `${WEBSOCKET}core/usage-error.ts`],
  },
  {
    layer: "websocket/core",
    prefix: `${WEBSOCKET}core/handshake/`,
    head: `${WEBSOCKET}core/handshake/handshake.ts`,
    inside: [`${WEBSOCKET}core/handshake/`, `${WEBSOCKET}core/deflate/deflate-params.ts`],
  },
  {
    layer: "websocket/core",
    prefix: `${WEBSOCKET}core/deflate/`,
    head: `${WEBSOCKET}core/deflate/deflate.ts`,
    inside: [
      `${WEBSOCKET}core/deflate/`,
      ...under(`${WEBSOCKET}core/`, ["handshake/extensions.ts", "limits.ts", "option-error.ts", "soon.ts"]),
    ],
  },
  { layer: "websocket/core", prefix: `${WEBSOCKET}core/`, head: `${WEBSOCKET}core/index.ts` },
  {
    layer: "websocket",
    prefix: `${WEBSOCKET}link/`,
    head: `${WEBSOCKET}link/link.ts`,
    inside: under(WEBSOCKET, ["link/", "core/index.ts", "clock.ts", "options.ts"]),
  },
  {
    layer: "websocket",
    prefix: `${WEBSOCKET}client/`,
    head: `${WEBSOCKET}client/connect.ts`,
    inside: under(WEBSOCKET, ["client/", "core/index.ts", "clock.ts", "options.ts"]),
  },
  { layer: "websocket", prefix: `${WEBSOCKET}server/`, head: `${WEBSOCKET}server/upgrade.ts`, inside: [WEBSOCKET] },
  { layer: "websocket", prefix: WEBSOCKET, head: `${WEBSOCKET}index.ts` },

  { layer: "server/base", prefix: BASE, head: `${BASE}turn.ts` },
  ofEngine("report", "close-codes"),
  ofEngine("outgoing", "congestion", "report"),
  ofEngine("http", "request", "report"),
  ofEngine("admission", "admission", "report", "http", "transports", "carry"),
  ofEngine("transports", "transport", "report", "outgoing", "http"),
  ofEngine("carry", "carry", "report", "outgoing", "transports"),
  ofEngine("relay", "relay", "report", "http", "admission"),
  ofEngine("session", "host", "report", "outgoing", "http", "transports", "carry"),
  { layer: "server/engine", prefix: ENGINE, head: `${ENGINE}index.ts`, inside: [ENGINE, BASE] },

  {
    ...ofSocketIo("report", "close-codes"),
    inside: under(SERVER, ["socketio/report/", "engine/index.ts", "base/handler-errors.ts"]),
  },
  ofSocketIo("events", "typed-events"),
  ofSocketIo("packets", "codec"),
  ofSocketIo("host", "client-files"),
  ofSocketIo("adapter/cluster", "messages", "adapter", "events", "packets", "recovery"),
  ofSocketIo("adapter", "index", "events", "packets", "recovery"),
  ofSocketIo("recovery", "session-aware", "adapter", "events", "packets", "host"),
  ofSocketIo("broadcast", "operator", "adapter", "events", "packets", "socket/handshake.ts"),
  { ...ofSocketIo("event-source", "handler"), inside: [BASE, SOCKETIO, `${ENGINE}index.ts`] },
  { ...ofSocketIo("client", "session-port"), inside: [BASE, SOCKETIO, `${ENGINE}index.ts`] },
  { ...ofSocketIo("socket", "types"), inside: [BASE, SOCKETIO, `${ENGINE}index.ts`] },
  {
    layer: "server/socketio",
    prefix: SOCKETIO,
    head: `${SOCKETIO}index.ts`,
    inside: [SOCKETIO, BASE, `${ENGINE}index.ts`],
  },

  {
    layer: "server/fastify",
    prefix: `${SERVER}fastify`,
    head: `${SERVER}fastify.ts`,
    // of the live page, types alone, and what is loaded with its option
    inside: under(SERVER, ["index.ts", "engine.ts", "relay.ts", "logs.ts", "fastify/", "dashboard/index.ts"]),
  },
  {
    layer: "server/dashboard",
    prefix: `${SERVER}dashboard/`,
    head: `${SERVER}dashboard/index.ts`,
    inside: [
      BASE,
      ...under(SERVER, ["dashboard/", "index.ts", "engine.ts", "relay.ts", "engine/index.ts", "socketio/index.ts"]),
      ...under(SOCKETIO, ["keys.ts", "host/version.ts", "report/advice.ts"]),
    ],
  },
  {
    layer: "server/dashboard-page",
    prefix: PAGE,
    head: `${PAGE}live.ts`,
    types: [`${SERVER}dashboard/wire.ts`],
  },
  {
    layer: "server/doctor",
    prefix: `${SERVER}doctor/`,
    head: `${SERVER}doctor/index.ts`,
    inside: [`${SERVER}doctor/`, `${BASE}clock.ts`],
  },
  {
    layer: "server/logs",
    prefix: `${SERVER}logs.ts`,
    inside: [BASE, `${ENGINE}index.ts`, ...under(SOCKETIO, ["keys.ts", "report/advice.ts"])],
  },
  {
    layer: "server/otel",
    prefix: `${SERVER}otel/`,
    head: `${SERVER}otel/index.ts`,
    inside: under(SERVER, [
      "otel/",
      "metrics.ts",
      "engine/index.ts",
      "socketio/server.ts",
      "socketio/socket/socket.ts",
      "socketio/tracing.ts",
    ]),
  },
  { layer: "server", prefix: SERVER, head: `${SERVER}index.ts` },

  ofCluster("core", "frames"),
  ofCluster("links", "link", "core"),
  ofCluster("workers", "run-workers", "core"),
  ofCluster("exchange", "relay", "core", "links"),
  ofCluster("order", "log", "core"),
  ofCluster("recovery", "store", "core", "order", "adapter/parts.ts"),
  ofCluster(
    "redis",
    "port",
    "core",
    "order",
    "recovery",
    "links",
    "options.ts",
    "ordered-adapters.ts",
    "server-cluster.ts",
  ),
  ofCluster("adapter", "bus", "core", "links", "order", "recovery"),
  { layer: "cluster", prefix: CLUSTER, head: `${CLUSTER}index.ts` },

  ofClient("engine/platform", "platform"),
  ofClient("engine/address", "address", "engine/platform/"),
  {
    ...ofClient("engine/transports", "transport", "engine/address/", "engine/platform/", "engine/write-buffer.ts"),
    // what only Node.js has; browsers get other files in their places
    exceptions: {
      [`${CLIENT}engine/transports/websocket.node.ts`]: ["@portage/websocket", "node:http"],
      [`${CLIENT}engine/transports/polling.node.ts`]: ["node:http", "node:https"],
    },
  },
  ofClient("engine", "index"),
  ofClient("socketio/codec", "packet", "engine/index.ts"),
  ofClient("socketio/connection", "reconnection", "engine/index.ts", "socketio/codec/"),
  ofClient("socketio/sending", "sender", "engine/index.ts", "socketio/codec/"),
  ofClient("socketio", "manager", "engine/index.ts"),
  {
    layer: "client",
    prefix: CLIENT,
    head: `${CLIENT}index.ts`,
    exceptions: { [`${CLIENT}log.node.ts`]: ["debug"] },
  },
];

/** Classes that programs go through from one to the other: their types, and theirs alone, are circular. */
const FACADES = [
  under(SOCKETIO, [
    "server.ts",
    "namespace.ts",
    "parent-namespace.ts",
    "socket/socket.ts",
    "socket/recovery.ts",
    "client/client.ts",
    "client/join-attempt.ts",
    "client/connect-refused.ts",
    "tracing.ts",
  ]),
  under(WEBSOCKET, ["websocket.ts", "event-target.ts", "events.ts", "compatible-types.ts"]),
  under(CLIENT, ["socketio/manager.ts", "socketio/socket.ts"]),
  // options name transports, and transports have options
  under(CLIENT, ["engine/options.ts", "engine/transports/transport.ts"]),
];

const problems = [];
const graph = new Map();

function* sources(folder) {
  for (const entry of readdirSync(folder)) {
    const path = join(folder, entry);
    if (statSync(path).isDirectory()) yield* sources(path);
    else if (/\.(?:[cm]?ts|tsx)$/.test(entry)) yield path;
  }
}

const posix = (path) => relative(root, path).split(sep).join("/");
const IMPORT =
  /(?<statement>\b(?:import|export)\s[^;"']*?)?(?:\bfrom\s+|\bimport\s*\(\s*|\bimport\s+)["']([^"']+)["']/g;
const withoutComments = (text) => text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
const areFacades = (...files) => FACADES.some((facades) => files.every((file) => facades.includes(file)));

for (const name of ["parser", "websocket", "server", "server/dashboard-page", "cluster", "client"]) {
  for (const path of sources(join(root, "packages", name, "src"))) {
    const file = posix(path);
    const folder = FOLDERS.find(({ prefix }) => file.startsWith(prefix));
    const { layer, inside = [folder.prefix], types = [], exceptions = {} } = folder;
    const targets = [];
    for (const [, statement, specifier] of withoutComments(readFileSync(path, "utf8")).matchAll(IMPORT)) {
      if (specifier.startsWith(".")) {
        const target = posix(resolve(dirname(path), specifier));
        const isTypeOnly = /^(?:import|export)\s+type\b/.test(statement ?? "");
        if (!(isTypeOnly && areFacades(file, target))) targets.push(target);
        const allowed = isTypeOnly ? [...inside, ...types] : inside;
        if (!allowed.some((prefix) => target.startsWith(prefix))) {
          problems.push(`${file}: ${folder.prefix} may not import ${target}`);
        }
      } else if (![...PACKAGES[layer], ...(exceptions[file] ?? [])].includes(specifier)) {
        problems.push(`${file}: layer ${layer} may not import ${specifier}`);
      }
    }
    graph.set(file, targets);
  }
}

for (const { head } of FOLDERS) {
  if (head === undefined) continue;
  const [comment = ""] = /^\/\*[^]*?\*\//.exec(readFileSync(join(root, head), "utf8")) ?? [];
  for (const words of ["Knows:", "Must not know:"]) {
    if (!comment.includes(words)) problems.push(`${head}: the comment at its head has no "${words}"`);
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
