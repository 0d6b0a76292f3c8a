import { cp, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { rolldown } from "rolldown";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import webpack from "webpack";
import { run } from "./packed-project.ts";

// A server as one file: the packages are a part of the program, and no path that they know at load is right.

const PACKAGES = fileURLToPath(new URL("../../packages", import.meta.url));

/** Provides `require` for other CommonJS packages, as an ES module has none. */
const REQUIRE = `import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);`;

const PROGRAM = `
  import { createServer } from "node:http";
  import { Server } from "@portage/server";
  import { Adapter } from "@portage/server/adapter";
  import { listen } from "@portage/server/engine";
  import { CODES } from "@portage/server/doctor";
  import { portage } from "@portage/server/fastify";
  import { io as connect } from "@portage/client";
  import { WebSocketServer } from "@portage/websocket";
  import { Decoder } from "@portage/parser";
  const http = createServer((req, res) => res.end());
  const io = new Server(http);
  io.on("connection", (socket) => socket.on("echo", (value, answer) => answer(value)));
  http.listen(0, "127.0.0.1", async () => {
    const origin = "http://127.0.0.1:" + http.address().port;
    const client = connect(origin, { transports: ["websocket"] });
    const echo = await client.emitWithAck("echo", "hi");
    const file = await fetch(origin + "/socket.io/socket.io.js");
    client.disconnect();
    await io.close();
    const all = [Adapter, listen, CODES, portage, WebSocketServer, Decoder].every((each) => each !== undefined);
    console.log(JSON.stringify({ echo, status: file.status, all }));
  });
`;

const WAYS: Readonly<Record<string, (input: string, folder: string) => Promise<unknown>>> = {
  "main.mjs by esbuild": (input, folder) =>
    build({
      entryPoints: [input],
      outfile: join(folder, "main.mjs"),
      bundle: true,
      platform: "node",
      format: "esm",
      banner: { js: REQUIRE },
    }),
  "main.cjs by esbuild": (input, folder) =>
    build({ entryPoints: [input], outfile: join(folder, "main.cjs"), bundle: true, platform: "node", minify: true }),
  "main.mjs by rolldown": async (input, folder) => {
    const bundle = await rolldown({ input, platform: "node" });
    // The Fastify plugin loads the live page when its option asks for it.
    await bundle.write({ file: join(folder, "main.mjs"), format: "esm", codeSplitting: false });
    await bundle.close();
  },
  "main.cjs by webpack": (input, folder) =>
    new Promise<void>((resolve, reject) => {
      const output = { path: folder, filename: "main.cjs" };
      webpack({ mode: "production", target: "node", entry: input, context: folder, output }, (error, stats) =>
        error || stats?.hasErrors() ? reject(error ?? new Error(stats?.toString())) : resolve(),
      );
    }),
};

let folder: string;

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "portage-bundled-")));
  await mkdir(join(folder, "node_modules/@portage"), { recursive: true });
  for (const name of ["parser", "websocket", "server", "client"]) {
    await symlink(join(PACKAGES, name), join(folder, "node_modules/@portage", name), "dir");
  }
  await writeFile(join(folder, "server.mjs"), PROGRAM);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe.each(Object.entries(WAYS))("%s", (way, make) => {
  test("starts, serves, and finds the client files where they are", async () => {
    const output = join(folder, way.replaceAll(" ", "-"));
    const [file = ""] = way.split(" ");
    await make(join(folder, "server.mjs"), output);
    const start = async (at: string): Promise<unknown> =>
      JSON.parse(await run(process.execPath, [join(at, file)], dirname(at)));
    expect(await start(output)).toEqual({ echo: "hi", status: 200, all: true });

    const elsewhere = await realpath(await mkdtemp(join(tmpdir(), "portage-alone-")));
    try {
      await cp(join(output, file), join(elsewhere, file));
      expect(await start(elsewhere)).toEqual({ echo: "hi", status: 404, all: true });
      await cp(join(PACKAGES, "server/client-dist"), join(elsewhere, "client-dist"), { recursive: true });
      expect(await start(elsewhere)).toEqual({ echo: "hi", status: 200, all: true });
    } finally {
      await rm(elsewhere, { recursive: true, force: true });
    }
  });
});
