import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { expect, test } from "vitest";

// The built package, as a program gets it.
const entry = JSON.stringify(createRequire(import.meta.url).resolve("../../packages/server/dist/index.js"));

const run = (program: string, type: "commonjs" | "module"): string =>
  execFileSync(process.execPath, [`--input-type=${type}`, "-e", program], { encoding: "utf8" }).trim();

test("require() of the server gives a function that carries the classes", () => {
  const program = `
    const create = require(${entry});
    const io = create({ path: "/x" });
    console.log(io instanceof create.Server, io.path(), create.Namespace.name, create.Socket.name);
  `;
  expect(run(program, "commonjs")).toBe("true /x Namespace Socket");
});

test("import of the server gives the names, and the same classes", () => {
  const program = `
    import { Server, Namespace, Socket } from ${entry};
    import { createRequire } from "node:module";
    const required = createRequire(import.meta.url)(${entry});
    console.log(Server === required.Server, Namespace.name, Socket.name);
  `;
  expect(run(program, "module")).toBe("true Namespace Socket");
});

const client = (path: string): string =>
  JSON.stringify(createRequire(import.meta.url).resolve(`../../packages/client/${path}`));

test("require() of the client gives io() with every name that import gives", () => {
  const program = `
    import * as imported from ${client("esm/index.mjs")};
    import { createRequire } from "node:module";
    const required = createRequire(import.meta.url)(${client("dist/main.js")});
    const names = Object.keys(imported);
    console.log(typeof required, names.length, names.filter((name) => required[name] !== imported[name]).join());
  `;
  expect(run(program, "module")).toBe("function 12");
});

test.each(["esm", "cjs"])(
  "the modules of socket.io-client that programs import types from are there: build/%s",
  (folder) => {
    const program = `
    const { Socket, Manager } = require("@portage/client");
    const path = "@portage/client/build/${folder}/";
    console.log(require(path + "socket").Socket === Socket, require(path + "manager").Manager === Manager);
    console.log(require(path + "index") === require("@portage/client"), typeof require("@portage/client/websocket").io);
  `;
    const inTests = createRequire(import.meta.url)
      .resolve("../package.json")
      .replace("package.json", "");
    const output = execFileSync(process.execPath, ["-e", program], { encoding: "utf8", cwd: inTests });
    expect(output.trim().split(/\s+/)).toEqual(["true", "true", "true", "function"]);
  },
);

test("files for browsers name the bundled packages, with their licences beside them", () => {
  const packages = join(import.meta.dirname, "../../packages");
  const dist = join(packages, "client/dist");
  const notices = readFileSync(join(packages, "server/client-dist/NOTICES.txt"), "utf8");
  const found: string[] = [];
  for (const file of readdirSync(dist).filter(
    (each) => each.endsWith(".js") && existsSync(join(dist, `${each}.map`)),
  )) {
    const { sources } = JSON.parse(readFileSync(join(dist, `${file}.map`), "utf8")) as { sources: string[] };
    const names = new Set(sources.flatMap((each) => /.*node_modules\/([^/]+)/.exec(each)?.[1] ?? []));
    const head = readFileSync(join(dist, file), "utf8").slice(0, 1000);
    for (const name of names) {
      found.push(name);
      expect(head).toMatch(new RegExp(`\\b${name}, \\(c\\) \\d{4}`));
      expect(notices).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+\n-+\n`, "m"));
    }
  }
  expect(found).toEqual(expect.arrayContaining(["debug", "notepack.io"]));
});
