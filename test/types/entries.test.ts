import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { expect, test } from "vitest";
import type { Server } from "@portage/server";

// The built package, as a program gets it.
const entry = createRequire(import.meta.url).resolve("../../packages/server/dist/index.js");

test("require() of the server gives a function that carries the classes", () => {
  type Callable = typeof import("@portage/server") & ((...args: unknown[]) => Server);
  const create = createRequire(import.meta.url)(entry) as Callable;
  const io = create({ path: "/x" });
  expect(io).toBeInstanceOf(create.Server);
  expect(io.path()).toBe("/x");
  for (const name of ["Server", "Namespace", "Socket"] as const) expect(create[name].name).toBe(name);
});

test("import of the server gives the names, and the same classes", () => {
  const program = `
    import { Server, Namespace, Socket } from ${JSON.stringify(entry)};
    import { createRequire } from "node:module";
    const required = createRequire(import.meta.url)(${JSON.stringify(entry)});
    console.log(Server === required.Server, Namespace.name, Socket.name);
  `;
  const said = execFileSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" });
  expect(said.trim()).toBe("true Namespace Socket");
});
