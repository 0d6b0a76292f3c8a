import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createProject, type Project, run } from "./packed-project.ts";

// Optional peers: npm must install Portage beside any version of them.

let project: Project;

beforeAll(async () => {
  project = await createProject();
});

afterAll(() => project.remove());

interface Manifest {
  readonly dependencies: Record<string, string>;
  readonly peerDependencies?: Record<string, string>;
}

const readManifest = async (folder: string): Promise<Manifest> =>
  JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as Manifest;

test("npm installs the packages beside any version of every optional peer", async () => {
  const manifest = await readManifest(project.folder);
  const installed = ["socket.io", "socket.io-client", "@portage/parser", "@portage/websocket"];
  const manifests = installed.map((name) => readManifest(join(project.folder, "node_modules", name)));
  const peers = (await Promise.all(manifests)).flatMap((each) => Object.keys(each.peerDependencies ?? {}));
  expect(peers).toContain("fastify");
  for (const version of ["2.15.3", "3.29.5", "4.29.1", "5.12.8", "6.0.0-alpha.1"]) {
    const stubs = peers.map((name) => [name, `file:./stubs/${name}`]);
    const dependencies = { ...manifest.dependencies, ...Object.fromEntries(stubs) };
    for (const name of peers) await project.write(`stubs/${name}/package.json`, JSON.stringify({ name, version }));
    await project.write("package.json", JSON.stringify({ ...manifest, dependencies }));
    await run("npm", ["install", "--package-lock-only", "--offline", "--no-audit", "--no-fund"], project.folder);
  }
});
