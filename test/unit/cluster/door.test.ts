import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serverClock } from "@portage/server/relay";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeLife } from "../../../packages/cluster/src/core/tag.ts";
import { Dial } from "../../../packages/cluster/src/links/dial.ts";
import { Door } from "../../../packages/cluster/src/links/door.ts";
import { within } from "../../support/waiting.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pd-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const KEY = Buffer.from("0123456789abcdef");

test.each([
  ["the dialler", [], [KEY]],
  ["the listener", [KEY], []],
])("a secret that %s can't read now fails the attempt, and nothing else", async (_who, dialler, listener) => {
  const address = join(folder, "AAAA.sock");
  const strangers: string[] = [];
  const door = new Door(
    { self: { tag: "AAAA", life: makeLife() }, keys: () => listener, kind: "unix" },
    { admits: () => true, onDialled: () => undefined, onStranger: (code) => strangers.push(code) },
  );
  await new Promise((resolve) => door.listen({ path: address }, resolve));
  const outcome = new Promise((resolve) => {
    const self = { tag: "BBBB", life: makeLife() };
    void new Dial(
      {
        route: { kind: "unix", socketPath: address },
        tag: "AAAA",
        self,
        keys: () => dialler,
        clock: serverClock,
        timeout: 1000,
      },
      { onAnswered: () => undefined, onConnected: () => resolve("connected"), onDialFailed: resolve },
    );
  });
  expect(await within(outcome, "the end of the attempt")).toBe("failed");
  expect(strangers).toEqual([]);
  door.close();
});
