// Builds the live page into dashboard-dist/: two scripts, a stylesheet and the pages that load them, each with its gzip
// beside it. Names of assets have a hash of their content. Skips the build if its inputs are unchanged.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";
import { minify } from "terser";

const here = dirname(fileURLToPath(import.meta.url));
const sources = join(here, "src");
const dist = join(here, "../dashboard-dist");
const { version } = JSON.parse(readFileSync(join(here, "../package.json"), "utf8"));
/** The smallest form of our client: `packages/client/build.mjs` makes it. */
const CLIENT = join(here, "../../client/dist/socket.io.esm.min.js");

const PARTS = ["preact"];
const folderOf = (name) => join(here, "../node_modules", name);
const versionOf = (name) => JSON.parse(readFileSync(join(folderOf(name), "package.json"), "utf8")).version;
const partsLine = PARTS.map((name) => `${name} ${versionOf(name)}`).join(" and ");
const BANNER = `/*! Portage ${version}: the live page. With ${partsLine}. MIT License, see NOTICES.txt */`;

/** Pages: the file with their HTML, and what stands in it for `{{user}}`. */
const USER_FIELD = `<div class="field">
            <label for="user">User</label>
            <input id="user" name="user" autocomplete="username" required autofocus />
          </div>`;
const PAGES = [
  { file: "index.html", source: "index.html", words: {} },
  { file: "login.html", source: "login.html", words: { user: "", secret: "Token" } },
  { file: "login-user.html", source: "login.html", words: { user: USER_FIELD, secret: "Password" } },
];

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
  const others = [
    join(here, "build.mjs"),
    join(here, "../package.json"),
    CLIENT,
    join(here, "../../../pnpm-lock.yaml"),
  ];
  for (const file of [...files(sources), ...others]) hash.update(file).update(readFileSync(file));
  return hash.digest("hex");
}

function write(name, content) {
  writeFileSync(join(dist, name), content);
  writeFileSync(join(dist, `${name}.gz`), gzipSync(content, { level: 9 }));
}

/** Writes an asset under a name with its hash, and returns this name. */
function writeAsset(name, content) {
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 10);
  const hashed = `assets/${name.replace(/(?=\.\w+$)/, `-${hash}`)}`;
  write(hashed, content);
  return hashed;
}

async function script(entry) {
  const bundle = await rolldown({
    input: join(sources, entry),
    resolve: { alias: { "@portage/client": CLIENT } },
    // `h` makes shorter calls than `jsx` of preact/jsx-runtime, which the compiler checks
    transform: {
      jsx: { runtime: "classic", pragma: "h", pragmaFrag: "Fragment" },
      inject: { h: ["preact", "h"], Fragment: ["preact", "Fragment"] },
      target: "es2022",
    },
    platform: "browser",
    logLevel: "warn",
  });
  const { output } = await bundle.generate({ format: "esm", comments: false });
  await bundle.close();
  const options = {
    module: true,
    ecma: 2020,
    compress: { passes: 3, unsafe_arrows: true, pure_getters: true },
    format: { preamble: BANNER, comments: false },
  };
  return (await minify(output[0].code, options)).code;
}

/** Takes comments and needless white space away; strings of this stylesheet have neither. */
const smaller = (css) =>
  css
    .replace(/\/\*[^]*?\*\//g, "")
    .replace(/\s+/g, " ")
    .replace(/ ?([{};,>]) ?/g, "$1")
    .replace(/: /g, ":")
    .replace(/;}/g, "}")
    .trim();

/** The licences of what the scripts contain. */
function notices() {
  const text = PARTS.map(
    (name) => `${name} ${versionOf(name)}\n\n${readFileSync(join(folderOf(name), "LICENSE"), "utf8")}`,
  );
  return ["The live page contains code of other packages. Their licences follow.", ...text].join("\n\n\n");
}

async function build() {
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(join(dist, "assets"), { recursive: true });
  const logo = writeAsset("logo.svg", readFileSync(join(sources, "logo.svg")));
  const css = smaller(readFileSync(join(sources, "page.css"), "utf8")).replace("logo.svg", logo.replace("assets/", ""));
  const assets = {
    logo,
    style: writeAsset("page.css", css),
    page: writeAsset("page.js", await script("index.tsx")),
    login: writeAsset("login.js", await script("login.ts")),
  };
  for (const { file, source, words } of PAGES) {
    const html = readFileSync(join(sources, source), "utf8");
    write(
      file,
      html.replace(/\{\{(\w+)\}\}/g, (_, name) => ({ ...assets, ...words })[name]),
    );
  }
  writeFileSync(join(dist, "NOTICES.txt"), notices());
}

const stamp = join(dist, ".inputs");
const inputs = fingerprint();
if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== inputs) {
  await build();
  writeFileSync(stamp, inputs);
}
