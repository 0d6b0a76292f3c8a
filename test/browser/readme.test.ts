import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findChromium, startChromium, type StartedBrowser } from "./chromium.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "localhost");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

const executable = await findChromium();

/** The first server and the first page of the README, as a user pastes them into two files. */
describe.skipIf(!executable)("the first steps of the README", () => {
  let folder: string;
  let port: number;
  let child: ChildProcess;
  let chromium: StartedBrowser;

  beforeAll(async () => {
    const readme = await readFile(join(ROOT, "README.md"), "utf8");
    const block = (language: string): string => new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(readme)![1]!;
    port = await freePort();
    await mkdir(join(ROOT, "test/node_modules/.cache"), { recursive: true });
    folder = await mkdtemp(join(ROOT, "test/node_modules/.cache/readme-"));
    await mkdir(join(folder, "node_modules/@portage"), { recursive: true });
    await symlink(join(ROOT, "packages/server"), join(folder, "node_modules/@portage/server"));
    await writeFile(join(folder, "server.mjs"), block("js").replaceAll("3000", String(port)));
    await writeFile(join(folder, "index.html"), block("html"));
    const env = { ...process.env, NODE_PATH: "", NODE_OPTIONS: "" };
    child = spawn(process.execPath, ["server.mjs"], { cwd: folder, env, stdio: ["ignore", "pipe", "inherit"] });
    chromium = await startChromium(executable!);
    if (child.stdout!.readableLength === 0) await once(child.stdout!, "readable");
  });

  afterAll(async () => {
    await chromium.stop();
    child.kill();
    await rm(folder, { recursive: true });
  });

  test("are a chat between two tabs", async () => {
    const context = await chromium.newContext();
    context.setDefaultTimeout(8000);
    const [one, two] = await Promise.all([context.newPage(), context.newPage()]);
    for (const page of [one, two]) {
      page.on("pageerror", (error) => expect.fail(String(error)));
      await page.goto(`http://localhost:${port}`);
      await page.getByText("connected").waitFor();
    }
    await one.fill("input", "ahoy");
    await one.click("button");
    await one.getByText("ahoy (delivered)").waitFor();
    await two.getByText("ahoy", { exact: true }).waitFor();
  });
});
