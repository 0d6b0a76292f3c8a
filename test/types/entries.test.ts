import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
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
