// The house rules of CONTRIBUTING.md that no linter knows.
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const problems = [];

/** The sources of all packages: path from the root to text. */
const sources = new Map();
for (const name of readdirSync(join(root, "packages"))) {
  const folder = join(root, "packages", name, "src");
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith(".ts")) continue;
    const path = join(entry.parentPath, entry.name);
    sources.set(relative(root, path).split(sep).join("/"), readFileSync(path, "utf8"));
  }
}

/** A comment about a whole file is a block: `/**` belongs to one declaration, `//` to the lines below it. */
function checkHeader(file, text) {
  const documented = /^\/\*\*(?:[^*]|\*(?!\/))*\*\/\n(?<next>.*)/.exec(text)?.groups.next;
  if (/^\/\/(?!\/)/.test(text)) problems.push(`${file}: a header is a /* */ block`);
  else if (documented !== undefined && /^(?:import|export (?:[{*]|type \{)|$)/.test(documented)) {
    problems.push(`${file}: a header begins with /*, as nothing is declared below it`);
  }
  if (file.endsWith("/index.ts") && !text.startsWith("/*")) problems.push(`${file}: an index says what it knows`);
}

const MOST_HOT_PATHS = 10;
const HOT_PATH = /\/\/ hot path.*/g;
const MEASURED = /^\/\/ hot path: [\d.]+ % of the server's time in `(?<row>[\w-]+)`$/;
const rows = readFileSync(join(root, "bench/rows-messages.mjs"), "utf8");

/** A mark says which row of the benchmark spends its time there: 116 marks without a figure marked nothing. */
function checkHotPaths() {
  let count = 0;
  for (const [file, text] of sources) {
    for (const [mark] of text.matchAll(HOT_PATH)) {
      count += 1;
      const row = MEASURED.exec(mark)?.groups.row;
      if (row === undefined || !new RegExp(`^  "?${row}"?: `, "m").test(rows)) {
        problems.push(`${file}: "${mark}" does not name a row of bench/rows-messages.mjs and its share there`);
      }
    }
  }
  if (count > MOST_HOT_PATHS) problems.push(`${count} marks "hot path": ${MOST_HOT_PATHS} at most mean something`);
}

const withoutComments = (text) => text.replace(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, "");

/** Counts occurrences by package, and compares with how many each may have: none where it is not named. */
function countByPackage(what, most, occurrencesIn) {
  const counts = {};
  for (const [file, text] of sources) {
    const [, name] = file.split("/");
    counts[name] = (counts[name] ?? 0) + occurrencesIn(withoutComments(text), file);
  }
  for (const [name, count] of Object.entries(counts)) {
    const allowed = most[name] ?? 0;
    if (count > allowed) problems.push(`packages/${name}: ${what} in ${count} places, of ${allowed} at most`);
  }
}

/** `any` has one alias, declared in typed-events.ts: each place that needs it says why. */
const UNTYPED = { server: 16, client: 6 };
const TYPED_EVENTS = /\/typed-events\.ts$/;

function untypedIn(code, file) {
  if (TYPED_EVENTS.test(file)) return 0;
  return code.replace(/^(?:import|export)\s[^;]*?\bfrom\b.*$/gm, "").match(/\b(?:Untyped|Unchecked)\b/g)?.length ?? 0;
}

/** A cast that goes past the compiler hides a shape, which wants a type. Each of these has its reason beside it. */
const CASTS = { client: 2, parser: 1, server: 3, websocket: 4 };

const castsIn = (code) => code.match(/\bas (?:unknown as|never)\b/g)?.length ?? 0;

const AS_WS = "class and sentence are those of ws, which programs match on, and ws has no code here";
const AS_NODE = "it stands for an error that Node.js or the platform has without a code";
const COMMAND_LINE = "it becomes a sentence for whoever typed the command line: no program reads it";

/** Errors without a code: how many a file may make, and why. All others have a class and a code of their layer's table. */
const WITHOUT_CODE = {
  "packages/server/src/socketio/adapter/cluster/canonical.ts": [1, AS_NODE],
  "packages/server/src/doctor/context.ts": [1, AS_NODE],
  "packages/server/src/doctor/arguments.ts": [3, COMMAND_LINE],
  "packages/server/src/engine/transports/link-socket.ts": [1, AS_WS],
  "packages/websocket/src/server/server-options.ts": [1, AS_WS],
  "packages/websocket/src/server/websocket-server.ts": [1, AS_WS],
  "packages/websocket/src/websocket.ts": [3, AS_WS],
  "packages/websocket/src/link/write-callbacks.ts": [1, AS_WS],
  "packages/websocket/src/data.ts": [3, AS_WS],
  "packages/client/src/engine/transports/websocket.node.ts": [1, AS_WS],
  "packages/client/src/engine/transports/polling.node.ts": [1, AS_NODE],
  "packages/client/src/engine/opening.ts": [1, AS_NODE],
};

function checkErrors(file, text) {
  const code = withoutComments(text);
  const count = code.match(/\bnew (?:Error|TypeError|RangeError)\(/g)?.length ?? 0;
  const [most, why] = WITHOUT_CODE[file] ?? [0];
  if (count > most)
    problems.push(`${file}: ${count} errors have no code, ${most} may: ${why ?? "each has one of a table"}`);
}

const ENGINE = "packages/server/src/engine/";
/** The files of the engine that may know a transport by its name: its own, and the registry. */
const KNOWS_NAMES = ["polling", "websocket", "registry"].map((name) => `${ENGINE}transports/${name}.ts`);

/** A comparison with the name of a transport is a fact that its row in the registry lacks. */
function checkTransportNames(file, text) {
  if (!file.startsWith(ENGINE) || KNOWS_NAMES.includes(file)) return;
  const code = withoutComments(text);
  const [name] = code.match(/"(?:polling|websocket)"/) ?? [];
  if (name !== undefined) problems.push(`${file}: ${name} is known to ${ENGINE}transports/registry.ts alone`);
}

for (const [file, text] of sources) checkHeader(file, text);
for (const [file, text] of sources) checkTransportNames(file, text);
for (const [file, text] of sources) checkErrors(file, text);
countByPackage("`any`", UNTYPED, untypedIn);
countByPackage("casts past the compiler", CASTS, castsIn);
checkHotPaths();

for (const problem of problems) console.error(problem);
console.log(`house rules: ${sources.size} files, ${problems.length} problems`);
process.exit(problems.length > 0 ? 1 : 0);
