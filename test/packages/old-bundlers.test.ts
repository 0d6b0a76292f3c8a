import { mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import { parse } from "acorn";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createProject, type Project, run } from "./packed-project.ts";
import { canFetchPackages } from "../support/servers/registry.ts";

// Tools that can't read `exports`, or reject current syntax.

const PATIENCE = 280_000;

const PROGRAM = `
  import io, { Manager } from "socket.io-client";
  import { io as webSocketOnly } from "socket.io-client/websocket";
  import { traced } from "socket.io-client/trace";
  import { WebTransport } from "socket.io-client/webtransport";
  import { Socket } from "socket.io-client/engine";
  import { decodePacket } from "@portage/parser/engine";
  import { Decoder } from "@portage/parser";
  globalThis.found = [io, Manager, io.Manager, webSocketOnly, traced, WebTransport, Socket, decodePacket, Decoder].map((each) => typeof each).join();
`;
const FOUND = Array.from({ length: 9 }, () => "function").join();

const canFetch = await canFetchPackages();

let project: Project;
const folders: string[] = [];

beforeAll(async () => {
  project = await createProject();
  await project.write("program.js", PROGRAM);
});

afterAll(async () => {
  for (const folder of [project.folder, ...folders]) await rm(folder, { recursive: true, force: true });
});

/** A separate folder for tools, as they are too old for the repository's own. */
async function installTools(...packages: string[]): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "portage-tools-")));
  folders.push(folder);
  await writeFile(join(folder, "package.json"), JSON.stringify({ private: true }));
  const flags = ["--no-audit", "--no-fund", "--legacy-peer-deps", "--ignore-scripts"];
  await run("npm", ["install", ...flags, ...packages], folder, PATIENCE);
  return folder;
}

async function check(output: string): Promise<string> {
  const code = await readFile(join(project.folder, output), "utf8");
  const context = { setTimeout, clearTimeout, console, URL, TextEncoder, TextDecoder };
  runInNewContext(code, context);
  expect((context as { found?: string }).found).toBe(FOUND);
  return code;
}

describe.skipIf(!canFetch)("bundlers of 2018", () => {
  let tools: string;

  beforeAll(async () => {
    tools = await installTools("webpack@4.47.0", "browserify@17.0.1");
  }, PATIENCE);

  test("webpack 4", async () => {
    const script = `
      const config = { mode: "development", devtool: false, entry: "./program.js", context: process.cwd(),
        output: { path: process.cwd(), filename: "webpack-4.js" } };
      require(${JSON.stringify(join(tools, "node_modules/webpack"))})(config, (error, stats) => {
        if (!error && !stats.hasErrors() && !stats.hasWarnings()) return;
        console.error(error || stats.toString());
        process.exitCode = 1;
      });`;
    await project.write("webpack-4.cjs", script);
    // webpack 4 hashes by MD4
    await run(process.execPath, ["--openssl-legacy-provider", "webpack-4.cjs"], project.folder, PATIENCE);
    parse(await check("webpack-4.js"), { ecmaVersion: 2017 });
  });

  test("browserify", async () => {
    const required = PROGRAM.replaceAll(
      /import (\w+), \{ (.*?) \} from (".*?")/g,
      "const $1 = require($3), { $2 } = $1",
    )
      .replaceAll(/import \{ (.*?) \} from (".*?")/g, "const { $1 } = require($2)")
      .replaceAll(" as ", ": ");
    await project.write("browserify.js", required);
    const args = [join(tools, "node_modules/browserify/bin/cmd.js"), "browserify.js", "-o", "browserified.js"];
    await run(process.execPath, args, project.folder, PATIENCE);
    parse(await check("browserified.js"), { ecmaVersion: 2017 });
  });
});

describe.skipIf(!canFetch).each([
  ["0.82.5", "0.79.7", ["@react-native/metro-config@0.79.7"]],
  ["0.84.6", "0.88.1", ["@react-native/metro-config@0.88.1", "metro-config@0.84.6"]],
])("Metro %s with the preset of React Native %s", (metro, preset, others) => {
  let tools: string;

  beforeAll(async () => {
    tools = await installTools(`metro@${metro}`, `@react-native/babel-preset@${preset}`, "@babel/core@7", ...others);
  }, PATIENCE);

  test.each([[true], [false]])("bundles the client; package exports: %s", async (usesExports) => {
    const module = (name: string): string => JSON.stringify(createRequire(join(tools, "tools.js")).resolve(name));
    const output = `metro-${metro}-${usesExports}.js`;
    await project.write("babel.config.js", `module.exports = { presets: [${module("@react-native/babel-preset")}] };`);
    const script = `
      const { getDefaultConfig } = require(${module("@react-native/metro-config")});
      const { mergeConfig } = require(${module("metro-config")});
      const [projectRoot, tools] = [process.cwd(), ${JSON.stringify(tools)}];
      const config = mergeConfig(getDefaultConfig(projectRoot), {
        projectRoot, watchFolders: [projectRoot, tools], resetCache: true, cacheStores: [], maxWorkers: 1, reporter: { update() {} },
        resolver: { unstable_enablePackageExports: ${usesExports}, nodeModulesPaths: [tools + "/node_modules"], useWatchman: false },
        serializer: { getModulesRunBeforeMainModule: () => [], getPolyfills: () => [] },
      });
      const options = { entry: "program.js", platform: "ios", dev: false, minify: false, out: ${JSON.stringify(output)} };
      require(${module("metro")}).runBuild(config, options).then(() => process.exit(0), (error) => {
        console.error(error);
        process.exit(1);
      });`;
    await project.write("metro.cjs", script);
    await run(process.execPath, ["metro.cjs"], project.folder, PATIENCE);
    await check(output);
  });
});
