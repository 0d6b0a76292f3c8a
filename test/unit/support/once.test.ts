import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { madeOnce, oneAtATime } from "../../support/servers/once.ts";

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

async function place(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "portage-once-"));
  folders.push(folder);
  return folder;
}

const make = (folder: string): Promise<void> => writeFile(join(folder, "made"), "whole");

test("a folder is made, and its lock is gone", async () => {
  const parent = await place();
  await mkdir(join(parent, "older"));
  await madeOnce(join(parent, "key"), make);
  expect([await readdir(parent), await readFile(join(parent, "key/made"), "utf8")]).toEqual([["key"], "whole"]);
});

test("the lock of an ended process is free, even if another process has its id", async () => {
  const parent = await place();
  const ended = spawnSync(process.execPath, ["-e", ""]).pid;
  for (const [name, owner] of [
    ["ended", `${ended} 1`],
    ["other", `${process.ppid} of another start`],
    ["unread", ""],
  ]) {
    await writeFile(join(parent, `${name}.lock`), String(owner));
    await madeOnce(join(parent, String(name)), make);
    expect(await readFile(join(parent, `${name}/made`), "utf8")).toBe("whole");
  }
});

test("a failed result is not stored, and its lock is removed", async () => {
  const parent = await place();
  await expect(madeOnce(join(parent, "key"), () => Promise.reject(new Error("full")))).rejects.toThrow("full");
  expect(await readdir(parent)).toEqual([]);
  await madeOnce(join(parent, "key"), make);
  expect(await readFile(join(parent, "key/made"), "utf8")).toBe("whole");
});

test("work of one name is done one after the other, also after work that failed", async () => {
  const parent = await place();
  let running = 0;
  const work = async (): Promise<void> => {
    expect(++running).toBe(1);
    await readdir(parent);
    running -= 1;
    throw new Error("full");
  };
  const path = join(parent, "key");
  await Promise.all([1, 2, 3].map(() => expect(oneAtATime(path, work)).rejects.toThrow("full")));
  expect(await readdir(parent)).toEqual([]);
});
