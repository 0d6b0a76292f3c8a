import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createProject, type Project, run } from "./packed-project.ts";
import { canFetchPackages } from "../support/servers/registry.ts";

// docs/migrating.md: Portage takes the place of socket.io where a lock file and node_modules are there, and leaves it again.

const PATIENCE = 200_000;
const NPM = ["--no-audit", "--no-fund", "--legacy-peer-deps"];

const MANAGERS: Readonly<Record<string, readonly string[]>> = {
  npm: ["npm", "install", ...NPM],
  pnpm: ["npx", "--yes", "pnpm@10.34.9", "add"],
  yarn: ["npx", "--yes", "yarn@1.22.22", "add"],
};

const canFetch = await canFetchPackages();

let project: Project;
const folders: string[] = [];

beforeAll(async () => {
  project = await createProject();
});

afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
  await project.remove();
});

async function tarball(name: string): Promise<string> {
  const file = (await readdir(project.folder)).find((each) => each.startsWith(`portage-${name}-`));
  return `file:${join(project.folder, file ?? name)}`;
}

/** A program: the packages that the server needs come from tarballs, by the override that each manager knows. */
async function createProgram(): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "portage-replacing-")));
  folders.push(folder);
  const overrides = { "@portage/parser": await tarball("parser"), "@portage/websocket": await tarball("websocket") };
  const manifest = { private: true, overrides, resolutions: overrides, pnpm: { overrides } };
  await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
  return folder;
}

async function add(manager: string, folder: string, ...packages: string[]): Promise<void> {
  const [command = "", ...args] = MANAGERS[manager] ?? [];
  await run(command, [...args, ...packages], folder, PATIENCE);
}

const installed = async (folder: string, path = "socket.io"): Promise<unknown> =>
  (JSON.parse(await readFile(join(folder, "node_modules", path, "package.json"), "utf8")) as { name: string }).name;

describe.skipIf(!canFetch).each(Object.keys(MANAGERS))("%s", (manager) => {
  test("replaces socket.io, and Portage by socket.io again", async () => {
    const folder = await createProgram();
    await add(manager, folder, "socket.io@^4.8.0");
    expect(await installed(folder)).toBe("socket.io");
    await add(manager, folder, `socket.io@${await tarball("server")}`);
    expect(await installed(folder)).toBe("@portage/server");
    await add(manager, folder, "socket.io@^4.8.0");
    expect(await installed(folder)).toBe("socket.io");
  });
});

test.skipIf(!canFetch)(
  "npm replaces socket.io in the packages of a workspace, and Portage once it was uninstalled",
  async () => {
    const folder = await createProgram();
    const workspaces = ["-w", "one", "-w", "other"];
    await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, workspaces: ["packages/*"] }));
    for (const name of ["one", "other"]) {
      await mkdir(join(folder, "packages", name), { recursive: true });
      await writeFile(join(folder, "packages", name, "package.json"), JSON.stringify({ name, version: "1.0.0" }));
    }
    const versions = async (): Promise<string> =>
      (await run("npm", ["ls", "socket.io", "--parseable", "--long"], folder, PATIENCE)).replaceAll(folder, "");
    await add("npm", folder, ...workspaces, "socket.io@^4.8.0");
    const all = await Promise.all(["parser", "websocket"].map(tarball));
    await add("npm", folder, ...workspaces, `socket.io@${await tarball("server")}`, ...all);
    expect((await versions()).match(/@portage\/server@4/g)).toHaveLength(2);
    await run("npm", ["uninstall", ...NPM, ...workspaces, "socket.io"], folder, PATIENCE);
    await add("npm", folder, ...workspaces, "socket.io@^4.8.0");
    expect(await versions()).not.toContain("@portage/server");
    expect(await versions()).toMatch(/socket\.io@4\.8/);
  },
);

test.skipIf(!canFetch)("npm replaces the copy that NestJS's adapter pins, once it was uninstalled", async () => {
  const folder = await createProgram();
  const adapter = "@nestjs/platform-socket.io";
  await add("npm", folder, "socket.io@^4.8.0", `${adapter}@11.0.0`);
  const copy = `${adapter}/node_modules/socket.io`;
  expect(await installed(folder, copy)).toBe("socket.io");

  const server = await tarball("server");
  const file = join(folder, "package.json");
  const manifest = JSON.parse(await readFile(file, "utf8")) as { overrides: object; dependencies: object };
  manifest.overrides = { ...manifest.overrides, "socket.io": "$socket.io" };
  manifest.dependencies = { ...manifest.dependencies, "socket.io": server };
  await writeFile(file, JSON.stringify(manifest));
  await run("npm", ["uninstall", ...NPM, "socket.io", adapter], folder, PATIENCE);
  await writeFile(file, JSON.stringify({ ...manifest, dependencies: { "socket.io": server } }));
  await add("npm", folder, `socket.io@${server}`, `${adapter}@11.0.0`);
  expect(await installed(folder)).toBe("@portage/server");
  await expect(installed(folder, copy)).rejects.toMatchObject({ code: "ENOENT" });
});
