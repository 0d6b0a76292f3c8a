// Builds the files for browsers: single files under the names of the reference, and modules for bundlers. `tsc -b` builds
// the files for Node.js. Skips the build if its inputs are unchanged.
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync } from "node:zlib";
import { rolldown } from "rolldown";
import { minify } from "terser";
import { PRIVATE, rewriteSyntax } from "./syntax.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");
const { version } = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
const BANNER = `/*! Portage ${version}: Socket.IO over engine.io. MIT License */`;
/** Licenses of code in the file with logs only. */
const DEBUG_BANNER = `/*!
 * With debug, (c) 2014-2017 TJ Holowaychuk, (c) 2018-2021 Josh Junon, and ms, (c) 2020 Vercel, Inc. MIT License
 */`;

/** Licenses of code in the file with MessagePack only. */
const MSGPACK_NOTICE = `
 * With notepack.io, (c) 2014 Ion Drive Software Ltd., socket.io-msgpack-parser, (c) 2017 Damien Arrachequesne, and
 * component-emitter, (c) 2014 Component contributors. MIT License
 `;

/** Replacements of modules in a bundle, by the end of their path. */
const MSGPACK = { "/socketio/codec/encoder.ts": "msgpack.mjs", "/socketio/codec/decoder.ts": "msgpack.mjs" };

/** Adds logs, by the package `debug`. */
const DEBUG = {
  "/socketio/observe.ts": "../src/socketio/observe.node.ts",
  "/engine/observe.ts": "../src/engine/observe.node.ts",
};

/** Syntax for browsers of 2021, webpack 4, browserify, and the presets of React Native. */
const OLD = "es2017";
const MODERN = "es2022";
/** Browsers without this syntax also lack functions that the client calls. */
const MODULE = "es2021";

const ESM = {
  file: "socket.io.esm.min.js",
  input: "src/index.ts",
  format: "esm",
  isMinified: true,
  target: MODULE,
};

/** Single files. The file that is not minified is readable and has logs. */
const FILES = [
  { file: "socket.io.js", input: "bundles/global.mjs", format: "umd", instead: DEBUG },
  { file: "socket.io.min.js", input: "bundles/global.mjs", format: "umd", isMinified: true },
  ESM,
  {
    file: "socket.io.msgpack.min.js",
    input: "bundles/global.mjs",
    format: "umd",
    isMinified: true,
    instead: MSGPACK,
    notice: MSGPACK_NOTICE,
  },
  { file: "websocket.esm.min.js", input: "src/websocket.ts", format: "esm", isMinified: true, target: MODULE },
];
const ENTRIES = { engine: "src/engine.ts", websocket: "src/websocket.ts", webtransport: "src/webtransport.ts" };
const PARSER = join(here, "../parser");
const ofParser = (name) => [name, join(PARSER, `src/${name}.ts`)];

/** Folders of modules: for current bundlers, and for bundlers that can't read `exports` or current syntax. */
const FOLDERS = [
  { folder: join(dist, "browser"), input: { index: "src/index.ts", ...ENTRIES }, format: "esm", target: MODERN },
  { folder: join(dist, "es2017"), input: { index: "src/main.ts", ...ENTRIES }, format: "cjs", target: OLD },
  // shares no modules with the others, which would come in more chunks and in another order
  { folder: join(dist, "browser"), input: { trace: "src/trace.ts" }, format: "esm", target: MODERN },
  { folder: join(dist, "es2017"), input: { trace: "src/trace.ts" }, format: "cjs", target: OLD },
  // programs switch logs on by their own package `debug`, so the bundle must not contain another copy
  { folder: join(dist, "browser"), input: { debug: "src/index.ts" }, format: "esm", target: MODERN, instead: DEBUG },
  { folder: join(dist, "es2017"), input: { debug: "src/main.ts" }, format: "cjs", target: OLD, instead: DEBUG },
  {
    folder: join(PARSER, "dist/es2017"),
    input: Object.fromEntries(["index", "engine", "engine-v3", "socket"].map(ofParser)),
    format: "cjs",
    target: OLD,
  },
];
/** Files that the server serves; {@link ESM} in the syntax of the others. */
const SERVED = FILES.filter(({ file }) => file.startsWith("socket.io.")).map(({ file }) => file);
const NOTICES = "NOTICES.txt";

/**
 * Matches members that end with an underscore, which only classes of the client use; minified files shorten them. Strings
 * are not changed, so they must not contain such a name.
 */
const SHARED = /^[a-z]\w*_$/;

const LETTERS = "etnrisouaflchpdvmgybwESxTNCkLAOM_DPHBjFIqRUzWXV$JKQGYZ0516372948";

/** Returns the nth short name of a member, longer than one letter, as programs may use single letters. */
const nameMember = (n) => (n < 64 ? `_${LETTERS[n]}` : nameMember(n >> 6) + LETTERS[n & 63]);

const terserOptions = (target, notice = "") => ({
  ecma: Number(target.slice(2)),
  // without `sequences`, gzip finds more repetition
  compress: { passes: 5, unsafe_arrows: true, pure_getters: true, sequences: false },
  mangle: {
    properties: { regex: new RegExp(`${SHARED.source}|${PRIVATE.source}`), nth_identifier: { get: nameMember } },
  },
  format: { preamble: `/*! @portage/client ${version} MIT ${notice}*/` },
});

const replacing = (instead) => ({
  name: "replace modules",
  async resolveId(id, importer, options) {
    const resolved = await this.resolve(id, importer, { ...options, skipSelf: true });
    const path = resolved?.id.replaceAll("\\", "/") ?? "";
    const end = Object.keys(instead).find((end) => path.endsWith(end));
    return end ? join(here, "bundles", instead[end]) : resolved;
  },
});

async function bundle({ input, instead = {}, target, external = [] }, write) {
  const absolute = typeof input === "string" ? join(here, input) : input;
  const build = await rolldown({
    cwd: here,
    input: absolute,
    external,
    platform: "browser",
    tsconfig: false, // its setting for class fields would override the assumption
    transform: { target, assumptions: { setPublicClassFields: true } },
    resolve: { conditionNames: ["portage-source", "browser", "import", "default"] },
    plugins: [replacing(instead), rewriteSyntax({ spreads: target === OLD })],
    onwarn(warning) {
      throw new Error(warning.message);
    },
  });
  await write(build);
  await build.close();
}

async function buildFile({ file, input, format, isMinified, instead, notice, target = OLD }, save = saveToDist) {
  await bundle({ input, instead, target }, async (build) => {
    const global = format === "umd" ? { name: "io", exports: "default" } : {};
    // two minifiers in a row save more than either
    const shape = isMinified ? { minify: true } : { banner: `${BANNER}\n${DEBUG_BANNER}` };
    const { output } = await build.generate({ format, sourcemap: true, entryFileNames: file, ...shape, ...global });
    const [{ code, map }] = output;
    const url = `${file}.map`;
    if (!isMinified) return save(file, `${code.trimEnd()}\n//# sourceMappingURL=${url}\n`, JSON.stringify(map));
    const sourceMap = { content: JSON.stringify(map), filename: file, url };
    const minified = await minify(code, {
      ...terserOptions(target, notice),
      module: format === "esm",
      toplevel: format === "esm",
      sourceMap,
    });
    const left = /\b[a-z]\w*_\b/.exec(minified.code);
    if (left) throw new Error(`${file}: "${left[0]}" is not only the name of a member`);
    save(file, minified.code, minified.map);
  });
}

function saveToDist(file, code, map) {
  writeFileSync(join(dist, file), code);
  writeFileSync(join(dist, `${file}.map`), map);
}

const buildFolder = ({ folder, input, format, target, instead }) =>
  bundle({ input, target, instead, external: ["debug"] }, (build) => {
    const extension = format === "esm" ? "mjs" : "js";
    return build.write({
      dir: folder,
      format,
      exports: "named",
      entryFileNames: `[name].${extension}`,
      chunkFileNames: `chunk-[name].${extension}`,
      sourcemap: target === MODERN,
      banner: BANNER,
    });
  });

function* files(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else yield path;
  }
}

/** Returns a hash of all inputs of the build. */
function fingerprint() {
  const hash = createHash("sha256");
  const inputs = [...files(join(here, "src")), ...files(join(here, "../parser/src")), ...files(join(here, "bundles"))];
  const manifests = ["package.json", NOTICES, "build.mjs", "syntax.mjs", "../../pnpm-lock.yaml"].map((file) =>
    join(here, file),
  );
  for (const file of [...inputs, ...manifests]) hash.update(file).update(readFileSync(file));
  return hash.digest("hex");
}

async function serveFrom(folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const serve = (file, code, map) => {
    writeFileSync(join(folder, file), code);
    // source maps are large and rarely requested; the server decompresses them on demand
    writeFileSync(join(folder, `${file}.map.br`), brotliCompressSync(map));
  };
  for (const file of SERVED) {
    if (file === ESM.file) await buildFile({ ...ESM, target: OLD }, serve);
    else serve(file, readFileSync(join(dist, file)), readFileSync(join(dist, `${file}.map`)));
  }
  copyFileSync(join(here, NOTICES), join(folder, NOTICES));
}

const stamp = join(dist, ".bundles");
const served = join(here, "../server/client-dist");
const inputs = fingerprint();
const isUpToDate = existsSync(stamp) && readFileSync(stamp, "utf8") === inputs;
if (!isUpToDate || !existsSync(served)) {
  for (const { folder } of FOLDERS) rmSync(folder, { recursive: true, force: true });
  mkdirSync(dist, { recursive: true });
  for (const file of FILES) await buildFile(file);
  for (const folder of FOLDERS) await buildFolder(folder);
  await serveFrom(served);
  writeFileSync(stamp, inputs);
}
